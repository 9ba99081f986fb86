import { Problem, problemFrom } from './problem';

type Options = { query?: Record<string, string | number | boolean | readonly string[] | null | undefined>; body?: unknown; signal?: AbortSignal; idempotencyKey?: string };

/** One request to the API. Answers its JSON body; anything but success is thrown as a Problem. */
export async function request<T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', target: string, { query, body, signal, idempotencyKey }: Options = {}): Promise<T> {
  const headers = new Headers({ Accept: 'application/json' });
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  if (idempotencyKey) headers.set('Idempotency-Key', idempotencyKey);
  const init: RequestInit = { method, headers, signal, credentials: 'same-origin' };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(`/api/v1${target}${search(query)}`, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw Problem.unreachable();
  }
  const json: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
  if (!response.ok) throw problemFrom(response.status, json, response.headers.get('X-Request-Id'));
  return json as T;
}

function search(query: Options['query']): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) params.append(name, String(one));
  }
  const text = params.toString();
  return text && `?${text}`;
}

/** A path with its parts escaped: path`/tickets/${key}`. */
export function path(strings: TemplateStringsArray, ...parts: string[]): string {
  return strings.reduce((text, s, i) => text + encodeURIComponent(parts[i - 1] ?? '') + s);
}
