import { path, request } from './http';
import { Problem } from './problem';
import { SseParser } from './sse';
import type { Page, Part, TicketChanged, TicketEvent } from './types';

/** What a watcher of one ticket is told. Events come in order of `seq`, each once, none missing. */
export type Watcher = {
  /** The newest event the watcher has; it gets those after it. */
  after: number;
  onEvents: (events: TicketEvent[]) => void;
  onPart?: (part: Part) => void;
  /** The stream began anew: parts of a running turn may have been missed, ask the server for them. */
  onResume?: () => void;
};

/** What a watcher of all tickets is told: which changed, and that the stream began anew and changes may have been missed. */
export type ListWatcher = { onChanged: (ticket: TicketChanged) => void; onResume?: () => void };

export type Connection = {
  /** `idle` while nothing is watched; `lost` from the first failure or 3 s of silence until events flow again. */
  state: 'idle' | 'connecting' | 'live' | 'lost';
  /** When the next attempt is made, in ms since 1970; null unless waiting. */
  retryAt: number | null;
  /** Came back after a loss, for two seconds: "Up to date". */
  restored: boolean;
};

/** What the stream needs from outside, so that tests can hold the clock and the wire. */
export type EventStreamConfig = {
  open?: (url: string, init: RequestInit) => Promise<Response>;
  /** Reads the events of a ticket after a sequence, oldest first. */
  fetchAfter?: (ticket: string, after: number, signal: AbortSignal) => Promise<TicketEvent[]>;
  onSignedOut?: () => void;
  /** Silence after which the connection counts as lost; the server's heartbeat comes at least every second. Default 3 s. */
  silenceMs?: number;
  /** Longest pause between attempts. Default 10 s. */
  maxBackoffMs?: number;
};

type Entry = { watcher: Watcher; seq: number; ahead: Map<number, TicketEvent>; filling: boolean };

/**
 * The page's one event stream: all tickets it watches, over one request. It reconnects with growing pauses, resumes
 * from the last id, notices silence, and fills gaps from the timeline, so a watcher sees each event once and in order
 * however the connection behaves.
 */
export class EventStream {
  #config: Required<EventStreamConfig>;
  #entries = new Map<string, Set<Entry>>();
  #lists = new Set<ListWatcher>();
  #listeners = new Set<() => void>();
  #connection: Connection = { state: 'idle', retryAt: null, restored: false };
  #abort: AbortController | null = null;
  #lastId = '';
  #failures = 0;
  #retryTimer = 0;
  #watchdog = 0;
  #restoredTimer = 0;
  #restartQueued = false;

  constructor(config: EventStreamConfig = {}) {
    this.#config = {
      open: (url, init) => fetch(url, init),
      fetchAfter: fetchTimelineAfter,
      onSignedOut: () => {},
      silenceMs: 3_000,
      maxBackoffMs: 10_000,
      ...config,
    };
  }

  /** Watches a ticket until the returned function is called. */
  watch(ticket: string, watcher: Watcher): () => void {
    const entry: Entry = { watcher, seq: watcher.after, ahead: new Map(), filling: false };
    const set = this.#entries.get(ticket) ?? new Set();
    const isNew = set.size === 0;
    set.add(entry);
    this.#entries.set(ticket, set);
    if (isNew) this.#restartSoon();
    else this.#fill(ticket, entry);
    return () => {
      set.delete(entry);
      if (set.size > 0 || this.#entries.get(ticket) !== set) return;
      this.#entries.delete(ticket);
      this.#restartSoon();
    };
  }

  /** Watches all tickets within reach, for lists. */
  watchList(watcher: ListWatcher): () => void {
    this.#lists.add(watcher);
    if (this.#lists.size === 1) this.#restartSoon();
    return () => {
      this.#lists.delete(watcher);
      if (this.#lists.size === 0) this.#restartSoon();
    };
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  getConnection = (): Connection => this.#connection;

  /** Tries at once instead of waiting for the pause to end. */
  reconnectNow = () => {
    this.#failures = 0;
    this.#start();
  };

  // Several watchers come and go within one render; one restart is enough.
  #restartSoon() {
    if (this.#restartQueued) return;
    this.#restartQueued = true;
    queueMicrotask(() => {
      this.#restartQueued = false;
      // The id speaks for the set of tickets it was given for. With another set, the timeline fills what is missing.
      this.#lastId = '';
      this.#start();
    });
  }

  #start() {
    window.clearTimeout(this.#retryTimer);
    window.clearTimeout(this.#watchdog);
    this.#abort?.abort();
    this.#abort = null;
    if (this.#entries.size === 0 && this.#lists.size === 0) {
      this.#set({ state: 'idle', retryAt: null, restored: false });
      return;
    }
    const abort = new AbortController();
    this.#abort = abort;
    this.#set({ state: this.#failures > 0 || this.#connection.state === 'lost' ? 'lost' : 'connecting', retryAt: null, restored: false });
    this.#run(abort).catch((error: unknown) => {
      if (this.#abort === abort) this.#failed(error);
    });
  }

  async #run(abort: AbortController) {
    this.#armWatchdog(abort, this.#config.silenceMs * 2);
    const query = new URLSearchParams([...this.#entries.keys()].map((key) => ['ticket', key]));
    if (this.#lists.size > 0) query.set('list', 'true');
    const headers = new Headers({ Accept: 'text/event-stream' });
    if (this.#lastId) headers.set('Last-Event-ID', this.#lastId);
    const response = await this.#config.open(`/api/v1/events?${query}`, { headers, signal: abort.signal, credentials: 'same-origin', cache: 'no-store' });
    if (!response.ok || !response.body) throw new Problem(response.status, 'The event stream was refused.');
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new SseParser();
    let first = true;
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#abort !== abort) return;
      if (done) throw Problem.unreachable();
      this.#armWatchdog(abort, this.#config.silenceMs);
      if (first) {
        first = false;
        this.#live();
      }
      this.#take(parser.push(value));
    }
  }

  #armWatchdog(abort: AbortController, ms: number) {
    window.clearTimeout(this.#watchdog);
    this.#watchdog = window.setTimeout(() => {
      if (this.#abort !== abort) return;
      abort.abort();
      this.#failed(Problem.unreachable());
    }, ms);
  }

  #live() {
    const wasLost = this.#connection.state === 'lost';
    this.#failures = 0;
    this.#set({ state: 'live', retryAt: null, restored: wasLost });
    window.clearTimeout(this.#restoredTimer);
    if (wasLost) this.#restoredTimer = window.setTimeout(() => this.#set({ ...this.#connection, restored: false }), 2_000);
    for (const set of this.#entries.values()) for (const entry of set) entry.watcher.onResume?.();
    for (const list of this.#lists) list.onResume?.();
  }

  #failed(error: unknown) {
    window.clearTimeout(this.#watchdog);
    this.#abort = null;
    if (error instanceof Problem && error.status === 401) {
      this.#set({ state: 'lost', retryAt: null, restored: false });
      this.#config.onSignedOut();
      return;
    }
    if (error instanceof Problem && error.status >= 400 && error.status < 500) this.#lastId = '';
    this.#failures++;
    const pause = backoff(this.#failures, this.#config.maxBackoffMs, Math.random());
    this.#set({ state: 'lost', retryAt: Date.now() + pause, restored: false });
    window.clearTimeout(this.#retryTimer);
    this.#retryTimer = window.setTimeout(() => this.#start(), pause);
  }

  #take(messages: ReturnType<SseParser['push']>) {
    const events = new Map<string, TicketEvent[]>();
    for (const { event, data, id } of messages) {
      const value = parse(data);
      if (event === 'event' && isEvent(value)) {
        if (id) this.#lastId = id;
        const list = events.get(value.ticket) ?? [];
        list.push(value);
        events.set(value.ticket, list);
      } else if (event === 'part' && isPart(value)) {
        // A part belongs after the events that came before it.
        this.#deliver(events);
        for (const entry of this.#entries.get(value.ticket) ?? []) entry.watcher.onPart?.(value);
      } else if (event === 'ticket' && isChanged(value)) {
        for (const list of this.#lists) list.onChanged(value);
      } else if (event === 'head') {
        this.#deliver(events);
        this.#heads(value);
      }
    }
    this.#deliver(events);
  }

  #deliver(events: Map<string, TicketEvent[]>) {
    for (const [ticket, list] of events) {
      for (const entry of this.#entries.get(ticket) ?? []) this.#accept(ticket, entry, list);
    }
    events.clear();
  }

  /** Hands on what follows without a gap; keeps what is ahead and asks for what lies between. */
  #accept(ticket: string, entry: Entry, list: readonly TicketEvent[]) {
    for (const e of list) if (e.seq > entry.seq) entry.ahead.set(e.seq, e);
    const ready: TicketEvent[] = [];
    for (let e = entry.ahead.get(entry.seq + 1); e; e = entry.ahead.get(entry.seq + 1)) {
      entry.ahead.delete(e.seq);
      entry.seq = e.seq;
      ready.push(e);
    }
    if (ready.length > 0) entry.watcher.onEvents(ready);
    if (entry.ahead.size > 0) this.#fill(ticket, entry);
  }

  #heads(value: unknown) {
    const heads = typeof value === 'object' && value !== null && 'heads' in value ? value.heads : undefined;
    if (typeof heads !== 'object' || heads === null) return;
    for (const [ticket, head] of Object.entries(heads)) {
      for (const entry of this.#entries.get(ticket) ?? []) {
        if (typeof head === 'number' && head > entry.seq) this.#fill(ticket, entry);
      }
    }
  }

  #fill(ticket: string, entry: Entry) {
    const abort = this.#abort;
    if (entry.filling || !abort) return;
    entry.filling = true;
    const before = entry.seq;
    this.#config
      .fetchAfter(ticket, entry.seq, abort.signal)
      .then((events) => {
        entry.filling = false;
        if (!this.#entries.get(ticket)?.has(entry)) return;
        this.#accept(ticket, entry, events);
        // A full page may leave more to come; the next heartbeat would find it, this is sooner.
        if (entry.ahead.size > 0 && entry.seq > before) this.#fill(ticket, entry);
      })
      .catch(() => {
        entry.filling = false; // the next heartbeat tries again
      });
  }

  #set(next: Connection) {
    const now = this.#connection;
    if (next.state === now.state && next.retryAt === now.retryAt && next.restored === now.restored) return;
    this.#connection = next;
    for (const listener of this.#listeners) listener();
  }
}

/** The pause before attempt n+1: half fixed, half by lot, so that many pages do not return in step. */
export function backoff(failures: number, maxMs: number, lot: number): number {
  const full = Math.min(maxMs, 250 * 2 ** (failures - 1));
  return full / 2 + (full / 2) * lot;
}

async function fetchTimelineAfter(ticket: string, after: number, signal: AbortSignal): Promise<TicketEvent[]> {
  const page = await request<Page<TicketEvent>>('GET', path`/tickets/${ticket}/timeline`, { query: { after, limit: 200 }, signal });
  return page.items.toSorted((a, b) => a.seq - b.seq);
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

function isEvent(v: unknown): v is TicketEvent {
  return typeof v === 'object' && v !== null && 'ticket' in v && typeof v.ticket === 'string' && 'seq' in v && typeof v.seq === 'number' && 'kind' in v && typeof v.kind === 'string';
}

function isPart(v: unknown): v is Part {
  return typeof v === 'object' && v !== null && 'ticket' in v && typeof v.ticket === 'string' && 'turn' in v && typeof v.turn === 'string' && 'n' in v && typeof v.n === 'number';
}

function isChanged(v: unknown): v is TicketChanged {
  return typeof v === 'object' && v !== null && 'key' in v && typeof v.key === 'string' && 'status' in v && typeof v.status === 'string' && 'activity' in v && typeof v.activity === 'string';
}
