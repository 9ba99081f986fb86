import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { path, request } from './http';
import type { Page, Ticket, TicketStatus } from './types';

export type TicketFilter = { q?: string; status?: TicketStatus; tenant?: string; waiting?: boolean };
export type TicketChange = { status?: TicketStatus; solved?: boolean; title?: string; agent?: string; instance?: string };

/** The history, newest change first, a page at a time. */
export const ticketsQuery = (filter: TicketFilter) =>
  infiniteQueryOptions({
    queryKey: ['tickets', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      request<Page<Ticket>>('GET', '/tickets', { query: { q: filter.q, status: filter.status, tenant: filter.tenant, cursor: pageParam }, signal }),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
    refetchInterval: 15_000,
  });

export const ticketQuery = (key: string) => queryOptions({ queryKey: ['tickets', 'one', key], queryFn: ({ signal }) => request<Ticket>('GET', path`/tickets/${key}`, { signal }) });

/** A few tickets for pickers and the palette. */
export const findTicketsQuery = (q: string) =>
  queryOptions({ queryKey: ['tickets', 'find', q], queryFn: ({ signal }) => request<Page<Ticket>>('GET', '/tickets', { query: { q }, signal }), staleTime: 10_000, placeholderData: (before) => before });

export const createTicket = (body: { tenant: string; agent: string; instance?: string; message: string }, idempotencyKey: string) => request<Ticket>('POST', '/tickets', { body, idempotencyKey });
export const changeTicket = (key: string, change: TicketChange) => request<Ticket>('PATCH', path`/tickets/${key}`, { body: change });
export const deleteTicket = (key: string) => request<void>('DELETE', path`/tickets/${key}`);
export const restoreTicket = (key: string) => request<Ticket>('POST', path`/tickets/${key}/restore`);
