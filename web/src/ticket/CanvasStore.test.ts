import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Watcher } from '../api/events';
import { Problem } from '../api/problem';
import type { Part } from '../api/types';
import { CanvasStore, type CanvasStoreConfig } from './CanvasStore';
import { ann, bot, Log } from './testdata/log';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function opened(log: Log, over: Partial<CanvasStoreConfig> = {}, size = 200) {
  let watcher: Watcher | undefined;
  const reconnectNow = vi.fn();
  const store = new CanvasStore('HD-1', {
    stream: { watch: (_key, w) => ((watcher = w), () => {}), reconnectNow },
    fetchPage: async (_key, before) => ({ items: log.events.filter((e) => before === null || e.seq < before).slice(-size) }),
    decide: async () => undefined,
    me: ann.id,
    ...over,
  });
  const stop = store.start();
  await vi.advanceTimersByTimeAsync(0);
  if (!watcher) throw new Error('not watching');
  return { store, stop, watcher, reconnectNow };
}
const running = () => new Log().round(1).add('TurnStarted', { turn: 't2', agent: 'a1', agent_name: 'A', instance: 'i1' }, bot);
const part = (from: number, n: number, text: string): Part => ({ ticket: 'HD-1', turn: 't2', from, n, kind: 'text', text });

describe('a canvas', () => {
  it('shows parts a few times a second, and the message in their place', async () => {
    const log = running();
    const { store, watcher } = await opened(log);
    const seen = vi.fn();
    store.subscribe(seen);
    for (let n = 1; n <= 50; n++) watcher.onPart?.(part(n, n, 'x'));
    expect(seen).not.toHaveBeenCalled();
    vi.advanceTimersByTime(40);
    expect(seen).toHaveBeenCalledTimes(1);
    expect(store.get().streams.get('t2')?.text).toHaveLength(50);
    log.add('MessagePosted', { id: 'r2', role: 'assistant', content: 'whole', turn: 't2' }, bot);
    watcher.onEvents(log.events.slice(-1));
    expect(store.get().streams.size).toBe(0);
    watcher.onPart?.(part(1, 50, 'late'));
    vi.advanceTimersByTime(100);
    expect(store.get().streams.size).toBe(0);
  });

  it('asks for a new stream when parts are missing, once', async () => {
    const { watcher, reconnectNow, store } = await opened(running());
    watcher.onPart?.(part(1, 1, 'a'));
    watcher.onPart?.(part(5, 5, 'e'));
    watcher.onPart?.(part(6, 6, 'f'));
    vi.advanceTimersByTime(100);
    expect(reconnectNow).toHaveBeenCalledTimes(1);
    watcher.onPart?.(part(1, 6, 'abcdef'));
    vi.advanceTimersByTime(100);
    expect(store.get().streams.get('t2')).toMatchObject({ text: 'abcdef', gap: false });
  });

  it('reads further back for a command that waits there', async () => {
    const log = new Log().round(1).propose('s1', 't1').round(2).round(3);
    const { store } = await opened(log, {}, 4);
    await store.findWaiting();
    expect(store.get().canvas.suggestions.get('s1')?.state).toBe('proposed');
  });

  it('tells why nothing could be read, and reads it when asked again', async () => {
    let broken = true;
    const log = new Log().round(1);
    const store = new CanvasStore('HD-1', {
      stream: { watch: () => () => {}, reconnectNow() {} },
      fetchPage: async () => {
        if (broken) throw Problem.unreachable();
        return { items: log.events };
      },
      decide: async () => undefined,
      me: ann.id,
    });
    store.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(store.get().first).toBe('failed');
    broken = false;
    store.retry();
    await vi.advanceTimersByTimeAsync(0);
    expect(store.get().first).toBe('ready');
  });
});

describe('a decision', () => {
  const log = () => new Log().round(1).propose('s1', 't1');

  it('is sent with the digest that was shown, once, and is over when the log tells of it', async () => {
    const decide = vi.fn(async () => undefined);
    const l = log();
    const { store, watcher } = await opened(l, { decide });
    void store.decide('s1', 'approve');
    void store.decide('s1', 'execute');
    expect(decide).toHaveBeenCalledTimes(1);
    expect(decide).toHaveBeenCalledWith('HD-1', 's1', { decision: 'approve', digest: 'digest-s1' });
    expect(store.get().pending.get('s1')).toMatchObject({ choice: 'approve', error: '' });
    l.add('SuggestionDecided', { id: 's1', choice: 'approve', state: 'approved', digest: 'digest-s1' });
    watcher.onEvents(l.events.slice(-1));
    expect(store.get().pending.size).toBe(0);
  });

  it('that the server refuses leaves the card as it was, with the reason', async () => {
    const { store } = await opened(log(), { decide: async () => Promise.reject(new Problem(409, 'The command changed since you read it. Review it again.')) });
    await store.decide('s1', 'reject', 'not now');
    expect(store.get().pending.get('s1')).toEqual({ choice: 'reject', reason: 'not now', error: 'The command changed since you read it. Review it again.' });
    expect(store.get().canvas.suggestions.get('s1')?.state).toBe('proposed');
  });

  it('of somebody else wins where it came first', async () => {
    const l = log();
    const { store, watcher } = await opened(l, { decide: () => new Promise(() => {}) });
    void store.decide('s1', 'approve');
    l.add('SuggestionDecided', { id: 's1', choice: 'reject', state: 'rejected', digest: 'd' }, { kind: 'user', id: 'u2', name: 'Bo' });
    watcher.onEvents(l.events.slice(-1));
    expect(store.get().pending.get('s1')?.error).toBe('Bo decided first. Your decision was not used.');
    expect(store.get().canvas.suggestions.get('s1')?.decision?.by.name).toBe('Bo');
  });
});
