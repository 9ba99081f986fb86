import type { EventStream } from '../api/events';
import { sentence } from '../api/problem';
import type { Page, Part, TicketEvent } from '../api/types';
import { append, type Canvas, emptyCanvas, hasOlder, newestSeq, prepend, waiting } from './canvas';
import type { DecisionBody } from './api';
import { type Choice, known } from './facts';
import { addPart, newStream, type Stream } from './stream';

/** A decision that was sent and is not yet in the log, or that failed. */
export type Pending = { choice: Choice; reason: string; error: string };

export type CanvasState = {
  canvas: Canvas;
  /** What running turns have streamed, by turn. */
  streams: ReadonlyMap<string, Stream>;
  /** `failed` only where nothing could be read at all. */
  first: 'loading' | 'ready' | 'failed';
  error: unknown;
  older: 'idle' | 'loading' | 'failed';
  pending: ReadonlyMap<string, Pending>;
};

export type CanvasStoreConfig = {
  stream: Pick<EventStream, 'watch' | 'reconnectNow'>;
  fetchPage: (key: string, before: number | null) => Promise<Page<TicketEvent>>;
  decide: (key: string, suggestion: string, body: DecisionBody) => Promise<unknown>;
  /** The reader, to tell "you" from others. */
  me: string;
  now?: () => number;
};

// Text is shown at most so often; less often where showing it takes long.
const quickFlushMs = 33;
const slowFlushMs = 66;
const slowRenderMs = 12;
// How many pages are read at once to find a command that waits far up.
const searchPages = 10;

/** One ticket's Canvas on this page: reads the log, follows it, and holds what is on its way to the server. */
export class CanvasStore {
  #state: CanvasState = { canvas: emptyCanvas, streams: new Map(), first: 'loading', error: null, older: 'idle', pending: new Map() };
  #listeners = new Set<() => void>();
  #unwatch: (() => void) | null = null;
  #parts: Part[] = [];
  #flushTimer = 0;
  #flushMs = quickFlushMs;
  #now: () => number;
  #life = 0;

  constructor(
    readonly key: string,
    private readonly config: CanvasStoreConfig,
  ) {
    this.#now = config.now ?? (() => performance.now());
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  get = (): CanvasState => this.#state;

  /** Reads the newest page and follows the log until the returned function is called. */
  start(): () => void {
    const life = ++this.#life;
    void this.#begin(life);
    return () => {
      this.#life++;
      this.#unwatch?.();
      this.#unwatch = null;
      window.clearTimeout(this.#flushTimer);
      this.#flushTimer = 0;
    };
  }

  retry = () => {
    if (this.#state.first !== 'failed') return;
    this.#set({ first: 'loading', error: null });
    void this.#begin(this.#life);
  };

  async #begin(life: number) {
    try {
      // A canvas that was here before is carried on by the stream, which reads what it missed.
      if (this.#state.first !== 'ready') {
        const page = await this.config.fetchPage(this.key, null);
        if (life !== this.#life) return;
        this.#set({ canvas: append(emptyCanvas, page.items), first: 'ready', error: null });
      }
    } catch (error) {
      if (life === this.#life) this.#set({ first: 'failed', error });
      return;
    }
    this.#unwatch = this.config.stream.watch(this.key, {
      after: newestSeq(this.#state.canvas),
      onEvents: (events) => this.#onEvents(events),
      onPart: (part) => this.#onPart(part),
    });
  }

  /** Reads one page of what came before. */
  loadOlder = async (): Promise<void> => {
    const { canvas, older } = this.#state;
    const before = canvas.events[0]?.seq;
    if (older === 'loading' || before === undefined || !hasOlder(canvas)) return;
    const life = this.#life;
    this.#set({ older: 'loading' });
    try {
      const page = await this.config.fetchPage(this.key, before);
      if (life !== this.#life) return this.#set({ older: 'idle' });
      this.#set({ canvas: prepend(this.#state.canvas, page.items), older: 'idle' });
    } catch {
      this.#set({ older: 'failed' });
    }
  };

  /** Reads further back until a command that waits is found; the ticket is known to have one. */
  findWaiting = async (): Promise<void> => {
    for (let i = 0; i < searchPages && waiting(this.#state.canvas).length === 0 && this.#state.canvas.openQuestion === ''; i++) {
      if (!hasOlder(this.#state.canvas)) return;
      await this.loadOlder();
      if (this.#state.older === 'failed') return;
    }
  };

  /** Decides on a command as it was shown. The card shows it at once; a refusal takes that back and says why. */
  decide = async (id: string, choice: Choice, reason = ''): Promise<void> => {
    const s = this.#state.canvas.suggestions.get(id);
    const now = this.#state.pending.get(id);
    if (!s || (now && now.error === '')) return;
    this.#pend(id, { choice, reason, error: '' });
    try {
      await this.config.decide(this.key, id, { decision: choice, digest: s.digest, ...(reason ? { reason } : {}) });
      // The event that tells of it usually comes first. Where it does not, it is seconds away at most.
    } catch (error) {
      if (this.#state.pending.has(id)) this.#pend(id, { choice, reason, error: sentence(error) });
    }
  };

  dismiss = (id: string) => this.#pend(id, null);

  #pend(id: string, value: Pending | null) {
    const pending = new Map(this.#state.pending);
    if (value) pending.set(id, value);
    else pending.delete(id);
    this.#set({ pending });
  }

  #onEvents(events: TicketEvent[]) {
    this.#takeParts();
    const { streams, pending } = this.#state;
    let nextStreams: Map<string, Stream> | null = null;
    let nextPending: Map<string, Pending> | null = null;
    for (const raw of events) {
      const e = known(raw);
      const over = e?.kind === 'TurnEnded' || e?.kind === 'TurnStarted' || (e?.kind === 'MessagePosted' && e.data.role === 'assistant') ? e.data.turn : undefined;
      if (over !== undefined && (nextStreams ?? streams).has(over)) (nextStreams ??= new Map(streams)).delete(over);
      if (e?.kind === 'SuggestionDecided' || e?.kind === 'SuggestionMoved') {
        const mine = (nextPending ?? pending).get(e.data.id);
        if (!mine) continue;
        nextPending ??= new Map(pending);
        if (e.kind === 'SuggestionDecided' && e.actor.id !== this.config.me) nextPending.set(e.data.id, { ...mine, error: `${e.actor.name} decided first. Your decision was not used.` });
        else nextPending.delete(e.data.id);
      }
    }
    this.#set({ canvas: append(this.#state.canvas, events), ...(nextStreams ? { streams: nextStreams } : {}), ...(nextPending ? { pending: nextPending } : {}) });
  }

  #onPart(part: Part) {
    this.#parts.push(part);
    if (this.#flushTimer === 0) this.#flushTimer = window.setTimeout(() => this.#flush(), this.#flushMs);
  }

  #flush() {
    this.#flushTimer = 0;
    const began = this.#now();
    this.#takeParts();
    // React renders a store's change in a microtask that was queued before this one.
    queueMicrotask(() => {
      this.#flushMs = this.#now() - began > slowRenderMs ? slowFlushMs : quickFlushMs;
    });
  }

  #takeParts() {
    if (this.#parts.length === 0) return;
    const streams = new Map(this.#state.streams);
    let gap = false;
    for (const part of this.#parts) {
      if (this.#isOver(part.turn)) continue;
      const before = streams.get(part.turn) ?? newStream(part.turn);
      const next = addPart(before, part);
      if (next.gap && !before.gap) gap = true;
      streams.set(part.turn, next);
    }
    this.#parts = [];
    this.#set({ streams });
    // A new connection begins with all parts of the running turn.
    if (gap) this.config.stream.reconnectNow();
  }

  #isOver(turn: string): boolean {
    const { index, rows } = this.#state.canvas;
    const row = rows[index.get(turn) ?? -1];
    return row?.kind === 'turn' && (row.state !== 'running' || row.answer !== null);
  }

  #set(change: Partial<CanvasState>) {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
