import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventStream } from './events';
import { backoff, OwnLine } from './ownLine';
import { fact, line, settle, Wire } from './testing/wire';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const streamOver = (wire: Wire, onSignedOut = () => {}) => new EventStream({ line: (listener) => new OwnLine(wire.config(), listener), fetchAfter: wire.fetchAfter, onSignedOut });

function viewer(stream: EventStream, after = 0, ticket = 'HD-1') {
  const seen: number[] = [];
  const parts: number[] = [];
  const stop = stream.watch(ticket, { after, onEvents: (events) => seen.push(...events.map((e) => e.seq)), onPart: (p) => parts.push(p.n) });
  return { seen, parts, stop };
}

test('events arrive in order and once, whatever the stream repeats', async () => {
  const wire = new Wire();
  const stream = streamOver(wire);
  const ann = viewer(stream, 2);
  await settle();
  expect(wire.last.url).toBe('/api/v1/events?ticket=HD-1');
  await wire.last.write(line('event', fact(2)) + line('event', fact(3), 'HD-1:3') + line('event', fact(3)) + line('part', { ticket: 'HD-1', turn: 't', n: 1, kind: 'text', text: 'a' }) + line('event', fact(4), 'HD-1:4'));
  expect(ann.seen).toEqual([3, 4]);
  expect(ann.parts).toEqual([1]);
  expect(stream.getConnection().state).toBe('live');
});

test('a gap is filled from the timeline before what lies beyond it', async () => {
  const wire = new Wire();
  wire.log.set('HD-1', [1, 2, 3, 4, 5].map((n) => fact(n)));
  const stream = streamOver(wire);
  const ann = viewer(stream, 1);
  await settle();
  await wire.last.write(line('event', fact(5)));
  expect(ann.seen).toEqual([2, 3, 4, 5]);
  expect(wire.reads).toEqual([['HD-1', 1]]);
});

test('where the timeline does not have what is missing, it is asked again with the next heartbeat and not before', async () => {
  const wire = new Wire();
  const ann = viewer(streamOver(wire));
  await settle();
  await wire.last.write(line('event', fact(3)));
  expect(wire.reads).toHaveLength(1);
  wire.log.set('HD-1', [fact(1), fact(2), fact(3)]);
  await wire.last.write(line('head', { heads: { 'HD-1': 3 } }));
  expect([wire.reads.length, ann.seen]).toEqual([2, [1, 2, 3]]);
});

test('a heartbeat that is ahead has the missing events read', async () => {
  const wire = new Wire();
  wire.log.set('HD-1', [fact(1), fact(2)]);
  const stream = streamOver(wire);
  const ann = viewer(stream);
  await settle();
  await wire.last.write(line('head', { heads: { 'HD-1': 2 } }));
  expect(ann.seen).toEqual([1, 2]);
  await wire.last.write(line('head', { heads: { 'HD-1': 2 } }));
  expect(wire.reads).toHaveLength(1);
});

test('a lost connection is found again, and resumes where it ended', async () => {
  const wire = new Wire();
  const stream = streamOver(wire);
  const ann = viewer(stream);
  const resumed = vi.fn<() => void>();
  stream.watchList({ onChanged: () => {}, onFresh: resumed });
  await settle();
  expect(wire.connections).toHaveLength(1);
  expect(wire.last.url).toContain('list=true');
  await wire.last.write(line('event', fact(1), 'HD-1:1'));
  await wire.last.end();
  expect(stream.getConnection().state).toBe('lost');
  expect(stream.getConnection().retryAt).not.toBeNull();
  await vi.advanceTimersByTimeAsync(300);
  expect(wire.connections).toHaveLength(2);
  expect(wire.last.lastId).toBe('HD-1:1');
  expect(stream.getConnection().state).toBe('lost');
  await wire.last.write(line('event', fact(2), 'HD-1:2'));
  expect(stream.getConnection()).toEqual({ state: 'live', retryAt: null, restored: true });
  expect(ann.seen).toEqual([1, 2]);
  expect(resumed).toHaveBeenCalledTimes(2);
  await wire.last.write(line('head', { heads: { 'HD-1': 2 } }));
  await vi.advanceTimersByTimeAsync(2_000);
  expect(stream.getConnection().restored).toBe(false);
});

test('three seconds of silence are a lost connection', async () => {
  const wire = new Wire();
  const stream = streamOver(wire);
  viewer(stream);
  await settle();
  await wire.last.write(line('head', { heads: {} }));
  await vi.advanceTimersByTimeAsync(2_900);
  expect(stream.getConnection().state).toBe('live');
  await vi.advanceTimersByTimeAsync(200);
  expect(stream.getConnection().state).toBe('lost');
  expect(wire.connections[0]?.aborted()).toBe(true);
});

test('a session that is over is not asked for again', async () => {
  const wire = new Wire();
  wire.status = 401;
  const onSignedOut = vi.fn<() => void>();
  const stream = streamOver(wire, onSignedOut);
  viewer(stream);
  await settle();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(onSignedOut).toHaveBeenCalledTimes(1);
  expect(wire.connections).toHaveLength(1);
});

test('one request serves all watchers; the last one to leave ends it', async () => {
  const wire = new Wire();
  const stream = streamOver(wire);
  const ann = viewer(stream);
  const bob = viewer(stream, 0, 'OPS-7');
  await settle();
  expect(wire.connections).toHaveLength(1);
  expect(wire.last.url).toBe('/api/v1/events?ticket=HD-1&ticket=OPS-7');
  await wire.last.write(line('event', fact(1, 'OPS-7')));
  expect([ann.seen, bob.seen]).toEqual([[], [1]]);
  ann.stop();
  bob.stop();
  await settle();
  expect(wire.connections).toHaveLength(1);
  expect(wire.last.aborted()).toBe(true);
  expect(stream.getConnection().state).toBe('idle');
});

test('hostile or unknown messages are passed over', async () => {
  const wire = new Wire();
  const stream = streamOver(wire);
  const ann = viewer(stream);
  await settle();
  await wire.last.write('event: event\ndata: {not json\n\nevent: event\ndata: null\n\nevent: head\ndata: {"heads":7}\n\nevent: later\ndata: {}\n\n' + line('event', { ...fact(1), ticket: 5 }) + line('event', fact(1)));
  expect(ann.seen).toEqual([1]);
});

test('pauses grow, and never in step', () => {
  expect([1, 2, 3, 10].map((n) => backoff(n, 10_000, 0))).toEqual([125, 250, 500, 5_000]);
  expect([1, 2, 3, 10].map((n) => backoff(n, 10_000, 1))).toEqual([250, 500, 1_000, 10_000]);
});
