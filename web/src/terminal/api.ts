import { queryOptions } from '@tanstack/react-query';
import { path, request } from '../api/http';
import type { By, Page } from '../api/types';

export type TerminalInfo = { id: string; ticket: string; scope: string; place: string; title: string; state: 'live' | 'ended'; cols: number; rows: number; opened_by: By; opened_at: string; reason?: string };
export type AttachmentInfo = { token: string; url: string };

export const terminalsQuery = (ticket: string) => queryOptions({ queryKey: ['tickets', 'terminals', ticket], queryFn: ({ signal }) => request<Page<TerminalInfo>>('GET', path`/tickets/${ticket}/terminals`, { signal }) });

export const openTerminal = (ticket: string, body: { scope: string; cols: number; rows: number }, idempotencyKey: string) => request<TerminalInfo>('POST', path`/tickets/${ticket}/terminals`, { body, idempotencyKey });
export const endTerminal = (id: string) => request<void>('DELETE', path`/terminals/${id}`);
/** Records on after the limit. */
export const recordOn = (id: string) => request<unknown>('PATCH', path`/terminals/${id}`, { body: { more: true } });

export const attachTerminal = (id: string) => request<AttachmentInfo>('POST', path`/terminals/${id}/attachments`);
export const attachRun = (ticket: string, run: string) => request<AttachmentInfo>('POST', path`/tickets/${ticket}/runs/${run}/attachments`);
