import { queryOptions } from '@tanstack/react-query';
import { call } from '../api/client';
import { path } from '../api/http';
import { Problem, problemFrom } from '../api/problem';
import type { Choice } from './facts';

export const pageSize = 200;

/** Events of a ticket, oldest first: the newest page, or the one before a sequence. */
export const timelinePage = (key: string, before: number | null, signal?: AbortSignal) =>
  call('GET', '/tickets/{key}/timeline', { path: { key }, query: { before: before ?? undefined, limit: pageSize }, signal });

export const postMessage = (key: string, content: string, idempotencyKey: string) => call('POST', '/tickets/{key}/messages', { path: { key }, body: { content }, idempotencyKey });
export const stopTurn = (key: string) => call('POST', '/tickets/{key}/turns/stop', { path: { key } });
export const releaseTurns = (key: string, discard: boolean) => call('POST', '/tickets/{key}/turns/release', { path: { key }, body: { discard } });

export type DecisionBody = { decision: Choice; digest: string; reason?: string };
export const decide = (key: string, suggestion: string, body: DecisionBody) => call('POST', '/tickets/{key}/suggestions/{id}/decision', { path: { key, id: suggestion }, body });

export const stopRun = (key: string, run: string) => call('POST', '/tickets/{key}/runs/{id}/stop', { path: { key, id: run } });

/** A run's output from a byte offset on, as far as it has come. */
export async function runOutput(key: string, run: string, from: number, signal?: AbortSignal): Promise<Uint8Array> {
  return new Uint8Array(await (await raw('GET', `${path`/tickets/${key}/runs/${run}/output`}?from=${from}`, { signal })).arrayBuffer());
}

/** All files of the ticket's directory, its directories left out. */
export const filesQuery = (key: string) =>
  queryOptions({
    queryKey: ['tickets', 'files', key],
    queryFn: async ({ signal }) => (await call('GET', '/tickets/{key}/files', { path: { key }, query: { deep: true }, signal })).items.filter((f) => f.kind === 'file'),
  });

const filePath = (key: string, file: string) => `${path`/tickets/${key}/files`}/${file.split('/').map(encodeURIComponent).join('/')}`;

/** The file's text; null where it is not text. */
export const fileQuery = (key: string, file: string) =>
  queryOptions({
    queryKey: ['tickets', 'files', key, file],
    queryFn: async ({ signal }) => {
      const bytes = await (await raw('GET', filePath(key, file), { signal })).arrayBuffer();
      try {
        const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
        return text.includes('\0') ? null : text;
      } catch {
        return null;
      }
    },
    staleTime: 0,
  });
export const writeFile = (key: string, file: string, text: string) => raw('PUT', filePath(key, file), { body: text });
export const deleteFile = (key: string, file: string) => raw('DELETE', filePath(key, file), {});
export const fileAddress = (key: string, file: string) => `/api/v1${filePath(key, file)}`;

// Files and outputs are bytes, not JSON.
async function raw(method: string, address: string, { body, signal }: { body?: string; signal?: AbortSignal }): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api/v1${address}`, { method, body, signal, credentials: 'same-origin', headers: body === undefined ? {} : { 'Content-Type': 'application/octet-stream' } });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw Problem.unreachable();
  }
  if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => undefined), response.headers.get('X-Request-Id'));
  return response;
}
