import { queryOptions } from '@tanstack/react-query';
import { request } from './http';
import type { Page, Ticket } from './types';

/** The tickets that wait for a person, newest first. */
export const waitingQuery = queryOptions({
  queryKey: ['tickets', 'waiting'],
  queryFn: async ({ signal }) => {
    const page = await request<Page<Ticket>>('GET', '/tickets', { query: { activity: 'waiting_for_you' }, signal });
    return page.items.filter((t) => t.activity === 'waiting_for_you' && t.status !== 'closed');
  },
  refetchInterval: 5_000,
});
