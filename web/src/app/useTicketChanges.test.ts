import { QueryClient } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import { ticketsQuery, waitingQuery } from '../api/tickets';
import type { Ticket } from '../api/types';
import { mend } from './useTicketChanges';

const ticket = (key: string, activity: Ticket['activity'], seq = 5): Ticket => ({
  key, title: key, status: 'open', activity, seq, tenant: 't', tenant_name: 'blue', agent: 'a', agent_name: 'A', instance: 'i', instance_name: 'I', held: false,
  created_by: { kind: 'user', id: 'u', name: 'Ann' }, created_at: '2026-01-01T00:00:00Z', changed_at: '2026-01-01T00:00:00Z',
});
const change = (key: string, activity: Ticket['activity'], seq: number, more: { deleted?: boolean } = {}) => ({ key, activity, seq, tenant: 't', title: 'New', status: 'in_progress' as const, changed_at: '2026-01-02T00:00:00Z', ...more });

function lists() {
  const client = new QueryClient();
  const list = ticketsQuery({}).queryKey;
  client.setQueryData(list, { pages: [{ items: [ticket('HD-1', 'idle'), ticket('HD-2', 'waiting_for_you')] }], pageParams: [''] });
  client.setQueryData(waitingQuery.queryKey, { items: [ticket('HD-2', 'waiting_for_you')] });
  return { client, shown: () => client.getQueryData(list)?.pages.flatMap((p) => p.items) ?? [], waiting: () => client.getQueryData(waitingQuery.queryKey)?.items.map((t) => t.key) };
}

test('a change is shown in its row, which keeps its place', () => {
  const { client, shown, waiting } = lists();
  expect(mend(client, change('HD-2', 'agent_working', 6))).toBe(true);
  expect(shown().map((t) => [t.key, t.title, t.activity])).toEqual([['HD-1', 'HD-1', 'idle'], ['HD-2', 'New', 'agent_working']]);
  expect(waiting()).toEqual([]);
});

test('what is older than what is shown changes nothing', () => {
  const { client, shown } = lists();
  mend(client, change('HD-2', 'idle', 4));
  expect(shown()[1]?.activity).toBe('waiting_for_you');
});

test('a ticket that is new to a list has it read again', () => {
  const { client } = lists();
  expect(mend(client, change('HD-3', 'idle', 1))).toBe(false);
  expect(mend(client, change('HD-1', 'waiting_for_you', 6))).toBe(false);
});

test('a deleted ticket leaves', () => {
  const { client, shown, waiting } = lists();
  expect(mend(client, change('HD-2', 'idle', 6, { deleted: true }))).toBe(true);
  expect(shown().map((t) => t.key)).toEqual(['HD-1']);
  expect(waiting()).toEqual([]);
});
