import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { call } from './client';
import type { TicketStatus } from './types';

export type TicketFilter = { q?: string; status?: TicketStatus; tenant?: string; waiting?: boolean };
export type TicketChange = { status?: TicketStatus; solved?: boolean; title?: string; agent?: string; instance?: string };

/** The history, newest change first, a page at a time. Changes reach what is shown by useTicketChanges. */
export const ticketsQuery = (filter: TicketFilter) =>
  infiniteQueryOptions({
    queryKey: ['tickets', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      call('GET', '/tickets', {
        query: { q: filter.q, status: filter.status, tenant: filter.tenant, activity: filter.waiting ? 'waiting_for_you' : undefined, cursor: pageParam || undefined },
        signal,
      }),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
  });

/** The tickets that wait for a person, newest first. The interval is for times when the event stream is lost. */
export const waitingQuery = queryOptions({
  queryKey: ['tickets', 'waiting'],
  queryFn: ({ signal }) => call('GET', '/tickets', { query: { activity: 'waiting_for_you', limit: 50 }, signal }),
  refetchInterval: 60_000,
});

export const ticketQuery = (key: string) => queryOptions({ queryKey: ['tickets', 'one', key], queryFn: ({ signal }) => call('GET', '/tickets/{key}', { path: { key }, signal }) });

/** A few tickets for pickers and the palette. */
export const findTicketsQuery = (q: string) =>
  queryOptions({ queryKey: ['tickets', 'find', q], queryFn: ({ signal }) => call('GET', '/tickets', { query: { q, limit: 20 }, signal }), staleTime: 10_000, placeholderData: (before) => before });

export const createTicket = (body: { tenant: string; agent: string; instance?: string; message: string }, idempotencyKey: string) => call('POST', '/tickets', { body, idempotencyKey });
export const changeTicket = (key: string, change: TicketChange) => call('PATCH', '/tickets/{key}', { path: { key }, body: change });
export const deleteTicket = (key: string) => call('DELETE', '/tickets/{key}', { path: { key } });
export const restoreTicket = (key: string) => call('POST', '/tickets/{key}/restore', { path: { key } });
