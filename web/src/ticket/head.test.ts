import { expect, it } from 'vitest';
import { withEvents } from './head';
import { Log } from './testdata/log';

const head = { key: 'HD-1', title: 'read', status: 'open' as const, solved: null, agent: { id: 'a', name: 'A' }, instance: { id: 'i', name: 'I' }, tenant: { id: 't', name: 'T' }, held: false, seq: 1 };

it('follows the events after the one it was read at, and no earlier ones', () => {
  const log = new Log().add('TicketRenamed', { from: 'a', to: 'b' }).add('TicketStatusChanged', { from: 'open', to: 'closed', solved: true });
  expect(withEvents(head, log.events)).toMatchObject({ title: 'read', status: 'closed', solved: true });
  expect(withEvents({ ...head, seq: 2 }, log.events).status).toBe('open');
});

it('is the same object where nothing touched it, so that nothing is drawn again', () => {
  expect(withEvents(head, new Log().round(1).events)).toBe(head);
});
