import { queryOptions } from '@tanstack/react-query';
import type { components } from '../api/__generated__/schema';
import { call } from '../api/client';

export type TerminalInfo = components['schemas']['Terminal'];

export const terminalsQuery = (ticket: string) => queryOptions({ queryKey: ['tickets', 'terminals', ticket], queryFn: ({ signal }) => call('GET', '/tickets/{key}/terminals', { path: { key: ticket }, signal }) });

export const openTerminal = (ticket: string, body: { scope: string; cols: number; rows: number }, idempotencyKey: string) => call('POST', '/tickets/{key}/terminals', { path: { key: ticket }, body, idempotencyKey });
export const endTerminal = (id: string) => call('DELETE', '/terminals/{id}', { path: { id } });
/** Records on after the limit. */
export const recordOn = (id: string) => call('PATCH', '/terminals/{id}', { path: { id }, body: { more: true } });

export const attachTerminal = (id: string) => call('POST', '/terminals/{id}/attachments', { path: { id } });
export const attachRun = (ticket: string, run: string) => call('POST', '/tickets/{key}/runs/{id}/attachments', { path: { key: ticket, id: run } });
