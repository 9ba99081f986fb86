import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { Attachment, type AttachmentConfig } from './Attachment';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class FakeSocket {
  binaryType: BinaryType = 'blob';
  bufferedAmount = 0;
  onopen: ((e: Event) => void) | null = null;
  onmessage: ((e: MessageEvent) => void) | null = null;
  onclose: ((e: CloseEvent) => void) | null = null;
  sent: (string | Uint8Array)[] = [];
  send(data: unknown) {
    this.sent.push(typeof data === 'string' ? data : new Uint8Array(data as Uint8Array));
  }
  close() {}
  says(...bytes: (number | number[])[]) {
    this.onmessage?.(new MessageEvent('message', { data: new Uint8Array(bytes.flat()).buffer }));
  }
  breaks(code = 1006) {
    this.onclose?.(new CloseEvent('close', { code }));
  }
  /** What was typed, as text. */
  get inputs() {
    return this.sent.filter((m): m is Uint8Array => typeof m !== 'string' && m[0] === 0x42).map((m) => `${m[8]}:${new TextDecoder().decode(m.subarray(9))}`);
  }
  get acks() {
    return this.sent.filter((m): m is Uint8Array => typeof m !== 'string' && m[0] === 0x41).map((m) => new DataView(m.buffer, m.byteOffset).getUint32(5));
  }
}
const u64 = (n: number) => [0, 0, 0, 0, (n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const start = (flags: number, from: number, end: number, input = 0) => [1, 1, flags, 0, 80, 0, 24, ...u64(from), ...u64(end), ...u64(input)];
const output = (offset: number, text: string) => [2, ...u64(offset), ...new TextEncoder().encode(text)];

async function attached(over: Partial<AttachmentConfig> = {}) {
  const sockets: FakeSocket[] = [];
  const shown: string[] = [];
  const pending: (() => void)[] = [];
  const a = new Attachment({
    attach: async () => ({ token: 'hda_1', url: '/api/v1/terminals/t/attach' }),
    open: () => {
      const s = new FakeSocket();
      sockets.push(s);
      return s;
    },
    screen: { size: () => ({ cols: 80, rows: 24 }), write: (d, done) => (shown.push(new TextDecoder().decode(d)), pending.push(done)), reset: () => shown.push('⟨reset⟩'), resized: () => {} },
    ...over,
  });
  await vi.advanceTimersByTimeAsync(0);
  const rendered = () => pending.splice(0).forEach((done) => done());
  const last = () => {
    const s = sockets.at(-1);
    if (!s) throw new Error('no socket');
    return s;
  };
  last().onopen?.(new Event('open'));
  return { a, last, sockets, shown, rendered };
}

describe('an attachment', () => {
  it('says who it is first, and goes on from what it received after a break', async () => {
    const { a, last, sockets, shown, rendered } = await attached();
    expect(JSON.parse(String(last().sent[0]))).toMatchObject({ token: 'hda_1', from: null, cols: 80, rows: 24 });
    last().says(start(3, 0, 0));
    last().says(output(0, 'hello'));
    last().breaks();
    expect(a.get().phase).toBe('lost');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sockets).toHaveLength(2);
    last().onopen?.(new Event('open'));
    expect(JSON.parse(String(last().sent[0]))).toMatchObject({ from: 5 });
    last().says(start(3 | 8, 5, 5));
    last().says(output(5, ' again'));
    rendered();
    expect(shown).toEqual(['hello', ' again']);
    expect(a.get().phase).toBe('live');
  });

  it('is silent while old output is drawn again', async () => {
    const { a, last, rendered } = await attached();
    last().says(start(3, 0, 5));
    expect(a.type('\x1b[?1;2c')).toBe(false);
    last().says(output(0, 'hello'));
    expect(a.muted).toBe(true);
    rendered();
    expect(a.type('ls\r')).toBe(true);
    expect(last().inputs).toEqual(['1:ls\r']);
  });

  it('keeps what is typed while the screen is first drawn, so that no half of a command runs', async () => {
    const { a, last, rendered } = await attached();
    a.type('rm ');
    last().says(start(3, 0, 5));
    a.type('note');
    expect(last().inputs).toEqual([]);
    last().says(output(0, 'hello'));
    rendered();
    a.type('\r');
    expect(last().inputs).toEqual(['1:rm note', '2:\r']);
  });

  it('forgets what was typed where the connection broke before it was drawn', async () => {
    const { a, last } = await attached();
    a.type('rm ');
    last().breaks();
    await vi.advanceTimersByTimeAsync(10_000);
    last().says(start(3, 0, 0));
    expect(a.type('ls\r')).toBe(true);
    expect(last().inputs).toEqual(['1:ls\r']);
  });

  it('acknowledges what is on screen, not what came', async () => {
    const { last, rendered } = await attached();
    last().says(start(3, 0, 0));
    last().says(output(0, 'hello'));
    expect(last().acks).toEqual([]);
    rendered();
    expect(last().acks).toEqual([5]);
  });

  it('types again what was not taken, and only that', async () => {
    const { a, last } = await attached();
    last().says(start(3, 0, 0));
    a.type('one');
    a.type('two');
    last().says(6, u64(1));
    last().breaks();
    await vi.advanceTimersByTimeAsync(10_000);
    last().says(start(3 | 8, 0, 0, 1));
    expect(last().inputs).toEqual(['2:two']);
    last().breaks();
    await vi.advanceTimersByTimeAsync(10_000);
    last().says(start(3 | 8, 0, 0, 2));
    expect(last().inputs).toEqual([]);
  });

  it('does not type again where nobody knows what was taken, and says so', async () => {
    const { a, last } = await attached();
    last().says(start(3, 0, 0));
    a.type('rm -rf x\r');
    last().breaks(1001);
    await vi.advanceTimersByTimeAsync(10_000);
    last().says(start(3, 0, 0));
    expect(last().inputs).toEqual([]);
    expect(a.get().notice).toMatch(/may not have arrived/);
  });

  it('holds back what is more than may be on its way', async () => {
    const { a, last } = await attached();
    last().says(start(3, 0, 0));
    a.type('x'.repeat(400_000));
    expect(last().inputs).toHaveLength(4);
    last().says(6, u64(4));
    expect(last().inputs).toHaveLength(7);
  });

  it('starts the screen anew when told to', async () => {
    const { last, shown, rendered } = await attached();
    last().says(start(3, 0, 0));
    last().says(output(0, 'old'));
    last().says(3, u64(900), [0, 80], [0, 24], [109]);
    last().says(output(900, 'new'));
    rendered();
    expect(shown).toEqual(['old', '⟨reset⟩', 'm', 'new']);
    expect(last().acks.at(-1)).toBe(903);
  });

  it('attaches again where output has a hole', async () => {
    const { a, last, sockets } = await attached();
    last().says(start(3, 0, 0));
    last().says(output(0, 'a'));
    last().says(output(7, 'b'));
    expect(a.get().phase).toBe('lost');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sockets).toHaveLength(2);
  });

  it('ends with how it ended, and is not tried again', async () => {
    const { a, last, sockets } = await attached();
    last().says(start(3, 0, 0));
    last().says(5, 1, [0, 2], [0, 0], u64(0));
    last().breaks(1000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(a.get()).toMatchObject({ phase: 'ended', exit: { code: 2 } });
    expect(sockets).toHaveLength(1);
  });

  it('gives up where the server says no', async () => {
    const a = new Attachment({ attach: async () => Promise.reject(new Problem(404, 'There is no such terminal.')), screen: { size: () => ({ cols: 80, rows: 24 }), write() {}, reset() {}, resized() {} } });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(a.get()).toMatchObject({ phase: 'refused', notice: 'There is no such terminal.' });
  });

  it('notices a connection that died without a word', async () => {
    const { a, last } = await attached();
    last().says(start(3, 0, 0));
    await vi.advanceTimersByTimeAsync(40_100);
    expect(a.get().phase).not.toBe('live');
  });
});
