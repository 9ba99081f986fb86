import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LineState } from './line';
import { OwnLine, type OwnLineConfig } from './ownLine';
import { Problem } from './problem';
import { line, settle, Wire } from './testing/wire';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(wire: Wire, more: OwnLineConfig = {}) {
  const states: LineState['state'][] = [];
  const heard: string[] = [];
  const signedOut = vi.fn<() => void>();
  const own = new OwnLine(wire.config(more), { onMessages: (all) => heard.push(...all.map((m) => m.data)), onState: (s) => states.push(s.state), onFresh: () => heard.push('fresh'), onSignedOut: signedOut });
  return { own, states, heard, signedOut };
}
const wants = (...tickets: string[]) => ({ tickets: new Map(tickets.map((t) => [t, 0])), list: true });

test('a ticket that may no longer be seen does not silence the others', async () => {
  const wire = new Wire();
  wire.status = 404;
  const { own, states } = open(wire, { maySee: async (t) => t !== 'GONE-1' });
  own.want(wants('HD-1', 'GONE-1'));
  await settle();
  wire.status = 200;
  await vi.advanceTimersByTimeAsync(300);
  expect(wire.last.url).toBe('/api/v1/events?ticket=HD-1&list=true');
  await wire.last.write(line('head', { heads: { 'HD-1': 0 } }));
  expect(states.at(-1)).toBe('live');
});

test('nothing is taken from a stream that turns out to be of somebody else', async () => {
  const wire = new Wire();
  const { own, heard } = open(wire, { check: () => Promise.reject(new Problem(0, 'Somebody else signed in.')) });
  own.want(wants('HD-1'));
  await settle();
  await wire.last.write(line('head', { heads: {} })).catch(() => {});
  expect(heard).toEqual([]);
  expect(wire.last.aborted()).toBe(true);
});

test('a stream that is refused leaves the one that speaks alone', async () => {
  const wire = new Wire();
  const { own, states, heard } = open(wire);
  own.want(wants('HD-1'));
  await settle();
  const first = wire.last;
  await first.write(line('head', { heads: { 'HD-1': 0 } }));
  wire.status = 429;
  own.want(wants('HD-1', 'HD-2'));
  await settle();
  expect(first.aborted()).toBe(false);
  expect(states).toEqual(['live']);
  await first.write('event: event\ndata: 1\n\n');
  expect(heard.at(-1)).toBe('1');
  wire.status = 200;
  await vi.advanceTimersByTimeAsync(300);
  await wire.last.write(line('head', { heads: { 'HD-1': 0, 'HD-2': 0 } }));
  expect(first.aborted()).toBe(true);
  expect(heard.filter((h) => h === 'fresh')).toHaveLength(1);
});

test('what a held-back timer should have done is done when asked', async () => {
  const wire = new Wire();
  const { own, states } = open(wire);
  own.want(wants('HD-1'));
  await settle();
  await wire.last.write(line('head', { heads: { 'HD-1': 0 } }));
  own.catchUp();
  expect(states.at(-1)).toBe('live');
  vi.setSystemTime(Date.now() + 10_000); // the clock went on, no timer fired
  own.catchUp();
  expect(states.at(-1)).toBe('lost');
  vi.setSystemTime(Date.now() + 10_000);
  own.catchUp();
  await settle();
  expect(wire.connections).toHaveLength(2);
});
