import type { Line, LineState, Listener, Wants } from './line';
import { mostTickets, readCursor } from './line';
import { Problem } from './problem';
import { SseParser } from './sse';

/** What a line needs from outside, so that tests can hold the clock and the wire. */
export type OwnLineConfig = {
  open?: (url: string, init: RequestInit) => Promise<Response>;
  /** Asked once a stream is open and before anything is taken from it: is this still the same person? Throws where not. */
  check?: (signal: AbortSignal) => Promise<void>;
  /** Whether the person may still see a ticket. Asked where the server refused a stream, for one such ticket ends it for all. */
  maySee?: (ticket: string) => Promise<boolean>;
  /** Silence after which the connection counts as lost; the server's heartbeat comes at least every second. Default 3 s. */
  silenceMs?: number;
  /** Longest pause between attempts. Default 10 s. */
  maxBackoffMs?: number;
};

/**
 * One request to the server for all that is wanted. It reconnects with growing pauses, goes on where it was, and
 * notices silence. When something else is wanted, the old stream is kept until the new one speaks, so nothing is
 * missed in between.
 */
export class OwnLine implements Line {
  #config: Required<OwnLineConfig>;
  #wants: Wants = { tickets: new Map(), list: false };
  /** How far each ticket is that the stream has told of. */
  #cursor = new Map<string, number>();
  #refused = new Set<string>();
  #speaking: Pipe | null = null;
  #coming: Pipe | null = null;
  #state: LineState = { state: 'connecting', retryAt: null };
  #failures = 0;
  #timer = 0;
  #startQueued = false;
  #closed = false;

  constructor(
    config: OwnLineConfig,
    private readonly listener: Listener,
  ) {
    this.#config = { open: (url, init) => fetch(url, init), check: async () => {}, maySee: async () => true, silenceMs: 3_000, maxBackoffMs: 10_000, ...config };
  }

  want(wants: Wants) {
    for (const ticket of this.#cursor.keys()) if (!wants.tickets.has(ticket)) this.#cursor.delete(ticket);
    for (const ticket of this.#refused) if (!wants.tickets.has(ticket)) this.#refused.delete(ticket);
    this.#wants = wants;
    // Several watchers come and go within one render; one request is enough.
    if (this.#startQueued) return;
    this.#startQueued = true;
    queueMicrotask(() => {
      this.#startQueued = false;
      this.#start();
    });
  }

  reconnectNow = () => {
    this.#failures = 0;
    this.#start();
  };

  /** Does what timers should have done: a browser holds them back in tabs that nobody looks at. */
  catchUp() {
    const { retryAt } = this.#state;
    if (retryAt !== null && retryAt <= Date.now()) this.#start();
    else this.#speaking?.catchUp();
  }

  close() {
    this.#closed = true;
    window.clearTimeout(this.#timer);
    this.#speaking?.close();
    this.#coming?.close();
    this.#speaking = this.#coming = null;
  }

  #start() {
    if (this.#closed) return;
    window.clearTimeout(this.#timer);
    this.#coming?.close();
    this.#coming = null;
    const tickets = [...this.#wants.tickets.keys()].filter((t) => !this.#refused.has(t)).slice(0, mostTickets);
    if (tickets.length === 0 && !this.#wants.list) return;
    const query = new URLSearchParams(tickets.map((t) => ['ticket', t]));
    if (this.#wants.list) query.set('list', 'true');
    const headers = new Headers({ Accept: 'text/event-stream' });
    const from = tickets.map((t) => `${t}:${this.#cursor.get(t) ?? this.#wants.tickets.get(t)}`).join(',');
    if (from) headers.set('Last-Event-ID', from);
    if (!this.#speaking) this.#set({ state: this.#failures > 0 || this.#state.state === 'lost' ? 'lost' : 'connecting', retryAt: null });
    const pipe: Pipe = new Pipe(this.#config, `/api/v1/events?${query}`, headers, {
      onText: (messages) => this.#take(pipe, messages),
      onEnd: (error) => void this.#ended(pipe, error),
    });
    this.#coming = pipe;
  }

  #take(pipe: Pipe, messages: ReturnType<SseParser['push']>) {
    if (pipe === this.#coming) {
      const fresh = this.#speaking === null;
      this.#speaking?.close();
      this.#speaking = pipe;
      this.#coming = null;
      this.#failures = 0;
      this.#set({ state: 'live', retryAt: null });
      if (fresh) this.listener.onFresh();
    }
    if (pipe !== this.#speaking) return;
    for (const { id } of messages) for (const [ticket, seq] of id ? readCursor(id) : []) if (this.#wants.tickets.has(ticket)) this.#cursor.set(ticket, seq);
    if (messages.length > 0) this.listener.onMessages(messages);
  }

  async #ended(pipe: Pipe, error: unknown) {
    if (pipe === this.#speaking) {
      this.#speaking = null;
      if (this.#coming) return; // its successor is on its way
    } else if (pipe !== this.#coming) return;
    this.#coming = null;
    const status = error instanceof Problem ? error.status : 0;
    if (status === 401) {
      this.close();
      this.#set({ state: 'lost', retryAt: null });
      this.listener.onSignedOut();
      return;
    }
    this.#failures++;
    const pause = backoff(this.#failures, this.#config.maxBackoffMs, Math.random());
    if (!this.#speaking) this.#set({ state: 'lost', retryAt: Date.now() + pause });
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#start(), pause);
    if (status === 403 || status === 404) await this.#findRefused();
  }

  async #findRefused() {
    const may = await Promise.all([...this.#wants.tickets.keys()].map(async (t) => [t, await this.#config.maySee(t).catch(() => true)] as const));
    for (const [ticket, ok] of may) if (!ok && this.#wants.tickets.has(ticket)) this.#refused.add(ticket);
  }

  #set(next: LineState) {
    if (next.state === this.#state.state && next.retryAt === this.#state.retryAt) return;
    this.#state = next;
    this.listener.onState(next);
  }
}

/** One request, from its opening to its end. */
class Pipe {
  #abort = new AbortController();
  #watchdog = 0;
  #heardBy = 0;

  constructor(
    private readonly config: Required<OwnLineConfig>,
    url: string,
    headers: Headers,
    private readonly on: { onText: (messages: ReturnType<SseParser['push']>) => void; onEnd: (error: unknown) => void },
  ) {
    this.#expect(config.silenceMs * 2);
    this.#run(url, headers).catch((error: unknown) => this.#end(error));
  }

  async #run(url: string, headers: Headers) {
    const { signal } = this.#abort;
    const response = await this.config.open(url, { headers, signal, credentials: 'same-origin', cache: 'no-store' });
    if (!response.ok || !response.body) throw new Problem(response.status, 'The event stream was refused.');
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    await this.config.check(signal);
    const parser = new SseParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) return;
      if (done) throw Problem.unreachable();
      this.#expect(this.config.silenceMs);
      this.on.onText(parser.push(value));
    }
  }

  #expect(ms: number) {
    window.clearTimeout(this.#watchdog);
    this.#heardBy = Date.now() + ms;
    this.#watchdog = window.setTimeout(() => this.#end(Problem.unreachable()), ms);
  }

  catchUp() {
    if (Date.now() > this.#heardBy) this.#end(Problem.unreachable());
  }

  #end(error: unknown) {
    if (this.#abort.signal.aborted) return;
    this.close();
    this.on.onEnd(error);
  }

  close() {
    window.clearTimeout(this.#watchdog);
    this.#abort.abort();
  }
}

/** The pause before attempt n+1: half fixed, half by lot, so that many pages do not return in step. */
export function backoff(failures: number, maxMs: number, lot: number): number {
  const full = Math.min(maxMs, 250 * 2 ** (failures - 1));
  return full / 2 + (full / 2) * lot;
}
