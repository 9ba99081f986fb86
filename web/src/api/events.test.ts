import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { backoff, EventStream, type EventStreamConfig } from './events';
import type { TicketEvent } from './types';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const fact = (seq: number, ticket = 'HD-1'): TicketEvent => ({ ticket, seq, kind: 'MessagePosted', at: '2026-01-01T00:00:00Z', actor: { kind: 'user', id: 'u', name: 'Ann' }, data: {} });
const line = (event: string, data: unknown, id?: string) => `event: ${event}\n${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`;

/** A server by hand: each connection can be written to and ended by the test. */
class Wire {
  connections: { url: string; lastId: string | null; write: (text: string) => Promise<void>; end: () => Promise<void>; aborted: () => boolean }[] = [];
  status = 200;
  log = new Map<string, TicketEvent[]>();
  reads: [string, number][] = [];

  config(more: EventStreamConfig = {}): EventStreamConfig {
    return {
      open: async (url, init) => {
        const encoder = new TextEncoder();
        let control: ReadableStreamDefaultController<Uint8Array> | undefined;
        const body = new ReadableStream<Uint8Array>({
          start(c) {
            control = c;
          },
        });
        init.signal?.addEventListener('abort', () => {
          try {
            control?.error(new DOMException('aborted', 'AbortError'));
          } catch {
            // ended before
          }
        });
        this.connections.push({
          url,
          lastId: new Headers(init.headers).get('Last-Event-ID'),
          write: async (text) => {
            control?.enqueue(encoder.encode(text));
            await settle();
          },
          end: async () => {
            control?.close();
            await settle();
          },
          aborted: () => init.signal?.aborted ?? false,
        });
        return new Response(this.status === 200 ? body : null, { status: this.status });
      },
      fetchAfter: async (ticket, after) => {
        this.reads.push([ticket, after]);
        return (this.log.get(ticket) ?? []).filter((e) => e.seq > after);
      },
      ...more,
    };
  }

  get last() {
    const c = this.connections.at(-1);
    if (!c) throw new Error('nobody connected');
    return c;
  }
}

async function settle() {
  for (let i = 0; i < 20; i++) await vi.advanceTimersByTimeAsync(0);
}

function viewer(stream: EventStream, after = 0, ticket = 'HD-1') {
  const seen: number[] = [];
  const parts: number[] = [];
  const stop = stream.watch(ticket, { after, onEvents: (events) => seen.push(...events.map((e) => e.seq)), onPart: (p) => parts.push(p.n) });
  return { seen, parts, stop };
}

test('events arrive in order and once, whatever the stream repeats', async () => {
  const wire = new Wire();
  const stream = new EventStream(wire.config());
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
  const stream = new EventStream(wire.config());
  const ann = viewer(stream, 1);
  await settle();
  await wire.last.write(line('event', fact(5)));
  expect(ann.seen).toEqual([2, 3, 4, 5]);
  expect(wire.reads).toEqual([['HD-1', 1]]);
});

test('a heartbeat that is ahead has the missing events read', async () => {
  const wire = new Wire();
  wire.log.set('HD-1', [fact(1), fact(2)]);
  const stream = new EventStream(wire.config());
  const ann = viewer(stream);
  await settle();
  await wire.last.write(line('head', { heads: { 'HD-1': 2 } }));
  expect(ann.seen).toEqual([1, 2]);
  await wire.last.write(line('head', { heads: { 'HD-1': 2 } }));
  expect(wire.reads).toHaveLength(1);
});

test('a lost connection is found again, and resumes where it ended', async () => {
  const wire = new Wire();
  const stream = new EventStream(wire.config());
  const ann = viewer(stream);
  const resumed = vi.fn<() => void>();
  stream.watchList({ onChanged: () => {}, onResume: resumed });
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
  const stream = new EventStream(wire.config());
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
  const stream = new EventStream(wire.config({ onSignedOut }));
  viewer(stream);
  await settle();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(onSignedOut).toHaveBeenCalledTimes(1);
  expect(wire.connections).toHaveLength(1);
});

test('one request serves all watchers; the last one to leave ends it', async () => {
  const wire = new Wire();
  const stream = new EventStream(wire.config());
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
  const stream = new EventStream(wire.config());
  const ann = viewer(stream);
  await settle();
  await wire.last.write('event: event\ndata: {not json\n\nevent: event\ndata: null\n\nevent: head\ndata: {"heads":7}\n\nevent: later\ndata: {}\n\n' + line('event', { ...fact(1), ticket: 5 }) + line('event', fact(1)));
  expect(ann.seen).toEqual([1]);
});

test('pauses grow, and never in step', () => {
  expect([1, 2, 3, 10].map((n) => backoff(n, 10_000, 0))).toEqual([125, 250, 500, 5_000]);
  expect([1, 2, 3, 10].map((n) => backoff(n, 10_000, 1))).toEqual([250, 500, 1_000, 10_000]);
});
