import { path, request } from './http';
import type { Line, LineState, Listener } from './line';
import type { SseMessage } from './sse';
import type { Page, Part, TicketChanged, TicketEvent } from './types';

/** What a watcher of one ticket is told. Events come in order of `seq`, each once, none missing. */
export type Watcher = {
  /** The newest event the watcher has; it gets those after it. */
  after: number;
  onEvents: (events: TicketEvent[]) => void;
  onPart?: (part: Part) => void;
};

/** What a watcher of all tickets is told: which changed, and that changes may have been missed. */
export type ListWatcher = { onChanged: (ticket: TicketChanged) => void; onFresh?: () => void };

export type Connection = Omit<LineState, 'state'> & {
  /** `idle` while nothing is watched. */
  state: LineState['state'] | 'idle';
  /** Came back after a loss, for two seconds: "Up to date". */
  restored: boolean;
};

export type EventStreamConfig = {
  /** Makes the way on which events come. */
  line: (listener: Listener) => Line;
  /** Reads the events of a ticket after a sequence, oldest first. */
  fetchAfter?: (ticket: string, after: number, signal: AbortSignal) => Promise<TicketEvent[]>;
  onSignedOut?: () => void;
};

type Entry = { watcher: Watcher; seq: number; ahead: Map<number, TicketEvent>; filling: boolean; left: AbortController };

const idle: Connection = { state: 'idle', retryAt: null, restored: false };

/**
 * The page's one event stream: all that it watches, over one line. It fills gaps from the timeline, so a watcher sees
 * each event once and in order however the line behaves.
 */
export class EventStream {
  #entries = new Map<string, Set<Entry>>();
  #lists = new Set<ListWatcher>();
  #listeners = new Set<() => void>();
  #connection = idle;
  #line: Line | null = null;
  /** The tickets that the line tells all of; of others it says only in the list that something is new. */
  #streamed = new Set<string>();
  #restoredTimer = 0;
  #wantQueued = false;

  constructor(private readonly config: EventStreamConfig) {}

  /** Watches a ticket until the returned function is called. */
  watch(ticket: string, watcher: Watcher): () => void {
    const entry: Entry = { watcher, seq: watcher.after, ahead: new Map(), filling: false, left: new AbortController() };
    const set = this.#entries.get(ticket) ?? new Set();
    set.add(entry);
    this.#entries.set(ticket, set);
    this.#wantSoon();
    return () => {
      entry.left.abort();
      set.delete(entry);
      if (set.size > 0 || this.#entries.get(ticket) !== set) return;
      this.#entries.delete(ticket);
      this.#wantSoon();
    };
  }

  /** Watches all tickets within reach, for lists. */
  watchList(watcher: ListWatcher): () => void {
    this.#lists.add(watcher);
    if (this.#lists.size === 1) this.#wantSoon();
    return () => {
      this.#lists.delete(watcher);
      if (this.#lists.size === 0) this.#wantSoon();
    };
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  getConnection = (): Connection => this.#connection;

  /** Tries at once instead of waiting for the pause to end; what running turns have said comes again. */
  reconnectNow = () => this.#line?.reconnectNow();

  #wantSoon() {
    if (this.#wantQueued) return;
    this.#wantQueued = true;
    queueMicrotask(() => {
      this.#wantQueued = false;
      if (this.#entries.size === 0 && this.#lists.size === 0) {
        this.#line?.close();
        this.#line = null;
        this.#streamed.clear();
        this.#set(idle);
        return;
      }
      this.#line ??= this.#open();
      this.#line.want({
        tickets: new Map([...this.#entries].map(([ticket, set]) => [ticket, Math.min(...[...set].map((e) => e.seq))])),
        list: this.#lists.size > 0,
      });
    });
  }

  #open(): Line {
    this.#set({ state: 'connecting', retryAt: null, restored: false });
    return this.config.line({
      onMessages: (messages) => this.#take(messages),
      onState: (state) => this.#stands(state),
      onFresh: () => {
        for (const list of this.#lists) list.onFresh?.();
      },
      onSignedOut: () => this.config.onSignedOut?.(),
    });
  }

  #stands(now: LineState) {
    const restored = now.state === 'live' && (this.#connection.state === 'lost' || this.#connection.restored);
    if (restored && !this.#connection.restored) {
      window.clearTimeout(this.#restoredTimer);
      this.#restoredTimer = window.setTimeout(() => this.#set({ ...this.#connection, restored: false }), 2_000);
    }
    this.#set({ ...now, restored });
  }

  #take(messages: readonly SseMessage[]) {
    const events = new Map<string, TicketEvent[]>();
    for (const { event, data } of messages) {
      const value = parse(data);
      if (event === 'event' && isEvent(value)) {
        const list = events.get(value.ticket) ?? [];
        list.push(value);
        events.set(value.ticket, list);
      } else if (event === 'part' && isPart(value)) {
        // A part belongs after the events that came before it.
        this.#deliver(events);
        for (const entry of this.#entries.get(value.ticket) ?? []) entry.watcher.onPart?.(value);
      } else if (event === 'ticket' && isChanged(value)) {
        for (const list of this.#lists) list.onChanged(value);
        if (!this.#streamed.has(value.key)) this.#reach(value.key, value.seq);
      } else if (event === 'list') {
        for (const list of this.#lists) list.onFresh?.();
      } else if (event === 'head') {
        this.#deliver(events);
        this.#heads(value);
      }
    }
    this.#deliver(events);
  }

  #deliver(events: Map<string, TicketEvent[]>) {
    for (const [ticket, list] of events) {
      for (const entry of this.#entries.get(ticket) ?? []) {
        this.#accept(entry, list);
        if (entry.ahead.size > 0) this.#fill(ticket, entry);
      }
    }
    events.clear();
  }

  /** Hands on what follows without a gap; keeps what is ahead. */
  #accept(entry: Entry, list: readonly TicketEvent[]) {
    for (const e of list) if (e.seq > entry.seq) entry.ahead.set(e.seq, e);
    const ready: TicketEvent[] = [];
    for (let e = entry.ahead.get(entry.seq + 1); e; e = entry.ahead.get(entry.seq + 1)) {
      entry.ahead.delete(e.seq);
      entry.seq = e.seq;
      ready.push(e);
    }
    if (ready.length > 0) entry.watcher.onEvents(ready);
  }

  #heads(value: unknown) {
    const heads = typeof value === 'object' && value !== null && 'heads' in value ? value.heads : undefined;
    if (typeof heads !== 'object' || heads === null) return;
    this.#streamed = new Set(Object.keys(heads));
    for (const [ticket, head] of Object.entries(heads)) if (typeof head === 'number') this.#reach(ticket, head);
  }

  /** The ticket is known to have events up to this one. */
  #reach(ticket: string, seq: number) {
    for (const entry of this.#entries.get(ticket) ?? []) if (seq > entry.seq) this.#fill(ticket, entry, seq);
  }

  #fill(ticket: string, entry: Entry, upTo = 0) {
    if (entry.filling) return;
    entry.filling = true;
    const before = entry.seq;
    const read = this.config.fetchAfter ?? fetchTimelineAfter;
    read(ticket, entry.seq, entry.left.signal)
      .then((events) => {
        entry.filling = false;
        if (!this.#entries.get(ticket)?.has(entry)) return;
        this.#accept(entry, events);
        // A full page may leave more to come; the next heartbeat would find it, this is sooner.
        if (entry.seq > before && (entry.ahead.size > 0 || entry.seq < upTo)) this.#fill(ticket, entry, upTo);
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
