import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventStream } from './events';
import { SharedLine } from './sharedLine';
import { FakeBrowser, type FakeTab } from './testing/browser';
import { fact, line, settle, Wire } from './testing/wire';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** One page in a tab, as one person. */
function page(wire: Wire, tab: FakeTab, user = 'ann') {
  const signedOut = vi.fn<() => void>();
  const fresh = vi.fn<() => void>();
  const stream = new EventStream({
    line: (listener) => {
      const { open } = wire.config();
      const config = { open: (url: string, init: RequestInit) => (tab.frozen || !open ? new Promise<Response>(() => {}) : open(url, init)), locks: tab.locks, channel: tab.channel };
      return new SharedLine(user, config, listener);
    },
    fetchAfter: wire.fetchAfter,
    onSignedOut: signedOut,
  });
  const watch = (ticket = 'HD-1', after = 0) => {
    const seen: number[] = [];
    const parts: number[] = [];
    const stop = stream.watch(ticket, { after, onEvents: (events) => seen.push(...events.map((e) => e.seq)), onPart: (p) => parts.push(p.n) });
    return { seen, parts, stop };
  };
  const watchList = () => stream.watchList({ onChanged: () => {}, onFresh: fresh });
  return { stream, watch, watchList, signedOut, fresh };
}

const part = (n: number) => line('part', { ticket: 'HD-1', turn: 't', fence: 1, from: n, n, kind: 'text', text: 'x' });
const head = (heads: Record<string, number>, id?: string) => line('head', { heads }, id);

async function tabs(count: number) {
  const wire = new Wire();
  const browser = new FakeBrowser();
  const all = [];
  for (let i = 0; i < count; i++) {
    const tab = browser.tab();
    const p = page(wire, tab);
    all.push({ tab, ...p, ...p.watch() });
    await settle();
    // The server says where the stream begins.
    if (wire.open.length > 0) await wire.last.write(head({ 'HD-1': 0 }, 'HD-1:0'));
  }
  return { wire, browser, all };
}

test('ten tabs are told everything over one request', async () => {
  const { wire, all } = await tabs(10);
  expect(wire.open).toHaveLength(1);
  await wire.last.write(line('event', fact(1), 'HD-1:1') + part(1) + part(2));
  for (const t of all) expect([t.seen, t.parts, t.stream.getConnection().state]).toEqual([[1], [1, 2], 'live']);
});

test('when the leading tab closes, the next goes on from the last cursor, without hole or doubling', async () => {
  const { wire, all } = await tabs(3);
  const [first, second, third] = all;
  await wire.last.write(line('event', fact(1), 'HD-1:1'));
  first?.stop();
  await settle();
  expect(wire.open).toHaveLength(1);
  expect(wire.last.lastId).toBe('HD-1:1');
  await wire.last.write(line('event', fact(2), 'HD-1:2'));
  expect([second?.seen, third?.seen]).toEqual([[1, 2], [1, 2]]);
});

test('a crash of the leading tab is the same, and what it had not passed on comes again', async () => {
  const { wire, all } = await tabs(3);
  const [first, second, third] = all;
  await wire.last.write(line('event', fact(1), 'HD-1:1'));
  first?.tab.crash();
  await settle();
  expect(wire.last.lastId).toBe('HD-1:1');
  await wire.last.write(line('event', fact(2), 'HD-1:2') + head({ 'HD-1': 2 }));
  expect([second?.seen, third?.seen]).toEqual([[1, 2], [1, 2]]);
  // The crashed tab's ticket is no longer asked for.
  expect(wire.last.url).toBe('/api/v1/events?ticket=HD-1');
});

test('from a leader that is frozen the lead is taken; thawed, it follows', async () => {
  const { wire, all } = await tabs(3);
  const [first, second, third] = all;
  const old = wire.last;
  await old.write(line('event', fact(1), 'HD-1:1'));
  if (first) first.tab.frozen = true;
  for (let s = 0; s < 12; s++) {
    await vi.advanceTimersByTimeAsync(1_000);
    await settle();
    if (wire.last !== old) await wire.last.write(head({ 'HD-1': 1 }));
  }
  expect(wire.last).not.toBe(old);
  await wire.last.write(line('event', fact(2), 'HD-1:2'));
  expect([second?.seen, third?.seen]).toEqual([[1, 2], [1, 2]]);
  wire.log.set('HD-1', [fact(1), fact(2)]);
  first?.tab.thaw();
  await settle();
  await wire.last.write(head({ 'HD-1': 2 }));
  expect(wire.open).toHaveLength(1);
  await wire.last.write(line('event', fact(3), 'HD-1:3'));
  for (const t of all) expect(t.seen).toEqual([1, 2, 3]);
});

test('a silent leader that answers keeps its place', async () => {
  const { wire, all } = await tabs(2);
  wire.status = 503;
  await wire.last.end();
  await vi.advanceTimersByTimeAsync(30_000);
  for (const t of all) expect(t.stream.getConnection().state).toBe('lost');
  wire.status = 200;
  all[1]?.stream.reconnectNow();
  await settle();
  expect(wire.open).toHaveLength(1);
  await wire.last.write(head({ 'HD-1': 0 }));
  for (const t of all) expect(t.stream.getConnection()).toMatchObject({ state: 'live', restored: true });
});

test('the server is asked for what all tabs want together, and the old stream stays until the new one speaks', async () => {
  const { wire, browser, all } = await tabs(1);
  const before = wire.last;
  const other = page(wire, browser.tab());
  const ops = other.watch('OPS-7', 4);
  await settle();
  expect(wire.last.url).toBe('/api/v1/events?ticket=OPS-7&ticket=HD-1');
  expect(wire.last.lastId).toBe('OPS-7:4,HD-1:0');
  expect(before.aborted()).toBe(false);
  await before.write(line('event', fact(1), 'HD-1:1'));
  await wire.last.write(line('event', fact(1), 'HD-1:1') + line('event', fact(5, 'OPS-7'), 'HD-1:1,OPS-7:5'));
  expect(before.aborted()).toBe(true);
  expect([all[0]?.seen, ops.seen]).toEqual([[1], [5]]);
  ops.stop();
  await settle();
  expect(wire.last.url).toBe('/api/v1/events?ticket=HD-1');
});

test('a tab that joins while an answer is given is told it from its beginning', async () => {
  const { wire, browser, all } = await tabs(1);
  await wire.last.write(part(1) + part(2));
  const late = page(wire, browser.tab()).watch();
  await settle();
  expect(wire.connections).toHaveLength(2);
  await wire.last.write(part(1) + part(2) + part(3));
  expect(late.parts).toEqual([1, 2, 3]);
  expect(all[0]?.parts).toEqual([1, 2, 1, 2, 3]); // whoever has them skips them by their numbers
});

test('lists are read again by whoever joins and after a change of the leader, not when tabs come and go', async () => {
  const wire = new Wire();
  const browser = new FakeBrowser();
  const [one, two] = [browser.tab(), browser.tab()];
  const ann = page(wire, one);
  ann.watchList();
  await settle();
  await wire.last.write(head({}));
  expect(ann.fresh).toHaveBeenCalledTimes(1);
  const bob = page(wire, two);
  bob.watchList();
  await settle();
  const stop = bob.watch().stop;
  await settle();
  await wire.last.write(head({ 'HD-1': 0 }));
  expect([ann.fresh.mock.calls.length, bob.fresh.mock.calls.length]).toEqual([1, 1]);
  stop();
  one.crash();
  await settle();
  await wire.last.write(head({}));
  expect(bob.fresh).toHaveBeenCalledTimes(2);
});

test('of more tickets than one stream may have, those of the newest tabs are streamed, and the others are read when they change', async () => {
  const wire = new Wire();
  const browser = new FakeBrowser();
  const first = page(wire, browser.tab());
  first.watchList();
  const early = first.watch('OLD-1');
  await settle();
  const second = page(wire, browser.tab());
  for (let i = 1; i <= 50; i++) second.watch(`HD-${i}`);
  await settle();
  const url = new URL(wire.last.url, 'http://x');
  expect(url.searchParams.getAll('ticket')).toHaveLength(50);
  expect(url.searchParams.getAll('ticket')).not.toContain('OLD-1');
  wire.log.set('OLD-1', [fact(1, 'OLD-1')]);
  await wire.last.write(head({ 'HD-1': 0 }) + line('ticket', { key: 'OLD-1', seq: 1, status: 'open', activity: 'idle' }));
  expect(early.seen).toEqual([1]);
});

test('the end of the session is told to every tab', async () => {
  const { wire, all } = await tabs(3);
  wire.status = 401;
  await wire.last.end();
  await vi.advanceTimersByTimeAsync(1_000);
  for (const t of all) expect(t.signedOut).toHaveBeenCalledTimes(1);
});

test('two people in one browser never hear each other', async () => {
  const wire = new Wire();
  const browser = new FakeBrowser();
  const ann = page(wire, browser.tab(), 'ann').watch();
  await settle();
  const anns = wire.last;
  const bob = page(wire, browser.tab(), 'bob').watch();
  await settle();
  expect(wire.open).toHaveLength(2);
  await anns.write(line('event', fact(1), 'HD-1:1'));
  expect([ann.seen, bob.seen]).toEqual([[1], []]);
});
