import type { Line, LineState, Listener, Wants } from './line';
import { mostTickets, readCursor } from './line';
import { OwnLine, type OwnLineConfig } from './ownLine';
import type { SseMessage } from './sse';

/** What tabs say to each other. A page of another release may say what this one does not know, which is passed over. */
type Said =
  | { kind: 'want'; tab: string; wants: Wants }
  | { kind: 'lead'; tab: string }
  | { kind: 'messages'; tab: string; messages: readonly SseMessage[] }
  | { kind: 'state'; tab: string; state: LineState }
  | { kind: 'fresh'; tab: string }
  | { kind: 'signed out'; tab: string }
  /** Is the leader there? `now`: it shall connect anew. */
  | { kind: 'ask'; tab: string; now: boolean };

/** What the browser gives to tabs of one origin, so that tests can stand in for it. */
export type TabsConfig = OwnLineConfig & {
  locks?: Pick<LockManager, 'request'>;
  channel?: (name: string) => Pick<BroadcastChannel, 'postMessage' | 'close' | 'onmessage'>;
};

/**
 * One stream for all tabs that show HelpDesk to one person, because a browser allows few connections to one host. The
 * tab that holds the lock leads: it alone asks the server, for what all tabs want together, and tells the others word
 * for word. A closed or crashed tab loses its lock; from one that is frozen it is taken away. Whoever leads next goes
 * on from the last cursor that it was told.
 */
export class SharedLine implements Line {
  readonly #tab = crypto.randomUUID();
  readonly #lock: string;
  readonly #locks: Pick<LockManager, 'request'>;
  readonly #channel: Pick<BroadcastChannel, 'postMessage' | 'close' | 'onmessage'>;
  /** What each tab wants, this one included; the newest last. */
  #tabs = new Map<string, Wants>();
  #cursor = new Map<string, number>();
  #leader = '';
  #own: OwnLine | null = null;
  #state: LineState = { state: 'connecting', retryAt: null };
  #heardAt = Date.now();
  #fresh = false;
  /** How often the leader was asked and did not answer, and how often it takes: not the same for all, so that one is first. */
  #unanswered = 0;
  #patience = 3 + Math.floor(Math.random() * 3);
  #united = '';
  #beat = 0;
  #closed = new AbortController();
  #queued: AbortController | null = null;
  #stepDown: (() => void) | null = null;
  #present: Promise<void>;

  constructor(
    user: string,
    private readonly config: TabsConfig,
    private readonly listener: Listener,
  ) {
    this.#lock = `helpdesk.events.${user}`;
    this.#locks = config.locks ?? navigator.locks;
    this.#channel = (config.channel ?? ((name) => new BroadcastChannel(name)))(this.#lock);
    this.#channel.onmessage = (e: MessageEvent<Said>) => this.#hear(e.data);
    // Held for as long as this tab lives: whoever gets it knows that the tab is gone.
    this.#present = new Promise((there) => {
      void this.#locks.request(tabLock(this.#tab), () => {
        there();
        return untilAborted(this.#closed.signal);
      });
    });
    this.#queueForLead();
    this.#beat = window.setInterval(() => this.#look(), beatMs);
    document.addEventListener('visibilitychange', this.#onVisible);
  }

  want(wants: Wants) {
    this.#noteWants(this.#tab, wants);
    void this.#present.then(() => !this.#closed.signal.aborted && this.#say({ kind: 'want', tab: this.#tab, wants: this.#current() }));
    this.#unite(true);
  }

  reconnectNow = () => {
    if (this.#own) this.#own.reconnectNow();
    else this.#say({ kind: 'ask', tab: this.#tab, now: true });
  };

  close() {
    this.#closed.abort();
    window.clearInterval(this.#beat);
    document.removeEventListener('visibilitychange', this.#onVisible);
    this.#queued?.abort();
    this.#step();
    this.#channel.close();
  }

  /** What this tab wants, from where it is now. */
  #current(): Wants {
    const wants = this.#tabs.get(this.#tab);
    if (!wants) return { tickets: new Map(), list: false };
    return { ...wants, tickets: new Map([...wants.tickets].map(([t, after]) => [t, Math.max(after, this.#cursor.get(t) ?? 0)])) };
  }

  // The tab that is looked at comes first where there are more tickets than one stream may have.
  #onVisible = () => {
    if (document.visibilityState !== 'visible') return;
    this.#look();
    this.#noteWants(this.#tab, this.#current());
    this.#say({ kind: 'want', tab: this.#tab, wants: this.#current() });
    this.#unite(false);
  };

  #queueForLead() {
    const queued = new AbortController();
    this.#queued = queued;
    this.#locks.request(this.#lock, { signal: queued.signal }, () => this.#lead(queued)).catch(() => this.#lostLead(queued));
  }

  /** Takes the lock from a leader that does not answer. */
  #seizeLead() {
    this.#hears();
    this.#queued?.abort();
    const queued = new AbortController();
    this.#queued = queued;
    this.#locks.request(this.#lock, { steal: true }, () => this.#lead(queued)).catch(() => this.#lostLead(queued));
  }

  #lostLead(queued: AbortController) {
    if (this.#queued !== queued || this.#closed.signal.aborted) return; // it no longer waits for it
    this.#step();
    this.#hears();
    this.#queueForLead();
  }

  /** Leads for as long as the returned promise is open. */
  #lead(queued: AbortController): Promise<void> {
    // Another tab may have taken the lock before this tab could begin.
    if (this.#queued !== queued || this.#closed.signal.aborted) return Promise.resolve();
    this.#leader = this.#tab;
    const own: OwnLine = new OwnLine(this.config, {
      onMessages: (messages) => this.#tell({ kind: 'messages', tab: this.#tab, messages }),
      onState: (state) => this.#tell({ kind: 'state', tab: this.#tab, state }),
      onFresh: () => this.#tell({ kind: 'fresh', tab: this.#tab }),
      onSignedOut: () => this.#tell({ kind: 'signed out', tab: this.#tab }),
    });
    this.#own = own;
    this.#united = '';
    for (const tab of this.#tabs.keys()) this.#awaitEnd(tab);
    // All others answer with what they want.
    this.#say({ kind: 'lead', tab: this.#tab });
    this.#unite(true);
    return new Promise((down) => {
      this.#stepDown = down;
    });
  }

  #step() {
    this.#own?.close();
    this.#own = null;
    this.#stepDown?.();
    this.#stepDown = null;
    if (this.#leader === this.#tab) this.#leader = '';
  }

  #noteWants(tab: string, wants: Wants) {
    const known = this.#tabs.delete(tab);
    this.#tabs.set(tab, wants);
    if (!known && this.#own && tab !== this.#tab) this.#awaitEnd(tab);
  }

  #awaitEnd(tab: string) {
    if (tab === this.#tab) return;
    const stop = this.#closed.signal;
    this.#locks
      .request(tabLock(tab), { signal: stop }, () => {
        this.#tabs.delete(tab);
        this.#unite(false);
      })
      .catch(() => {}); // this tab ends first
  }

  /**
   * Asks the server for what all tabs want together: where that is not what it was asked for before, or `anew`, to have
   * running turns told from their beginning.
   */
  #unite(anew: boolean) {
    if (!this.#own) return;
    const tickets = new Map<string, number>();
    let list = false;
    for (const wants of [...this.#tabs.values()].toReversed()) {
      list ||= wants.list;
      for (const [ticket, after] of wants.tickets) {
        // All tabs were told the same, so none is behind this one's cursor.
        const from = Math.max(after, this.#cursor.get(ticket) ?? 0);
        if (tickets.has(ticket) || tickets.size < mostTickets) tickets.set(ticket, Math.min(from, tickets.get(ticket) ?? from));
      }
    }
    const united = JSON.stringify([[...tickets.keys()].toSorted(), list]);
    if (united === this.#united && !anew) return;
    this.#united = united;
    this.#own.want({ tickets, list });
  }

  /** Says something as the leader, to this tab too. */
  #tell(said: Said) {
    this.#say(said);
    this.#take(said);
  }

  #say(said: Said) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin
    if (!this.#closed.signal.aborted) this.#channel.postMessage(said);
  }

  #hear(said: Said) {
    if (this.#closed.signal.aborted) return;
    switch (said.kind) {
      case 'want': {
        const before = this.#tabs.get(said.tab);
        this.#noteWants(said.tab, said.wants);
        if (!this.#own) return;
        this.#say({ kind: 'state', tab: this.#tab, state: this.#state });
        // A ticket that is new to the tab is told from the beginning of its running turn.
        this.#unite([...said.wants.tickets.keys()].some((t) => !before?.tickets.has(t)));
        return;
      }
      case 'ask':
        if (!this.#own) return;
        if (said.now) this.#own.reconnectNow();
        else this.#own.catchUp();
        this.#say({ kind: 'state', tab: this.#tab, state: this.#state });
        return;
      case 'lead':
        this.#leader = said.tab;
        this.#hears();
        this.#say({ kind: 'want', tab: this.#tab, wants: this.#current() });
        return;
      default:
        if (this.#own) return; // of one that was frozen and does not know yet that it no longer leads
        if (said.tab !== this.#leader && this.#leader !== '') return;
        this.#leader = said.tab;
        this.#take(said);
    }
  }

  #hears() {
    this.#heardAt = Date.now();
    this.#unanswered = 0;
  }

  #take(said: Said) {
    this.#hears();
    switch (said.kind) {
      case 'messages':
        for (const { id } of said.messages) for (const [ticket, seq] of id ? readCursor(id) : []) this.#cursor.set(ticket, Math.max(seq, this.#cursor.get(ticket) ?? 0));
        return this.listener.onMessages(said.messages);
      case 'state':
        this.#state = said.state;
        this.listener.onState(said.state);
        // What was told before this tab listened may have been missed.
        if (said.state.state === 'live' && !this.#fresh && !this.#own) this.#refresh();
        return;
      case 'fresh':
        return this.#refresh();
      case 'signed out':
        return this.listener.onSignedOut();
    }
  }

  #refresh() {
    this.#fresh = true;
    this.listener.onFresh();
  }

  /** Asks a leader that is silent, or late to connect, and takes its place where it does not answer. */
  #look() {
    if (this.#own) return this.#own.catchUp();
    const silent = Date.now() - this.#heardAt > 3 * beatMs;
    const late = this.#state.retryAt !== null && this.#state.retryAt <= Date.now();
    // After a computer's sleep all tabs find the leader silent; so it is asked first.
    if (silent && this.#unanswered++ >= this.#patience) this.#seizeLead();
    else if (silent || late) this.#say({ kind: 'ask', tab: this.#tab, now: false });
  }
}

const beatMs = 1_000;
const tabLock = (tab: string) => `helpdesk.tab.${tab}`;

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done());
  });

/** A line shared with the other tabs, or one of its own where the browser has no means to share. */
export function newLine(user: string, config: OwnLineConfig, listener: Listener): Line {
  const able = typeof BroadcastChannel === 'function' && typeof navigator.locks?.request === 'function';
  return able ? new SharedLine(user, config, listener) : new OwnLine(config, listener);
}
