import { Problem, sentence } from '../api/problem';
import { ackFrame, hello, inputFrame, maxInput, pingFrame, readFrame, resizeFrame, type ServerFrame, takeControlFrame, type Viewer } from './wire';

export type Exit = { code: number | null; signal: number; timedOut: boolean; stopped: boolean; reason: string };
export type AttachState = {
  /** `lost` waits for the next attempt; `refused` will not be tried again. */
  phase: 'connecting' | 'live' | 'lost' | 'ended' | 'refused';
  retryAt: number | null;
  mayType: boolean;
  controller: boolean;
  viewers: readonly Viewer[];
  exit: Exit | null;
  /** Why it was refused, or what the server has to say. */
  notice: string;
  /** Recording stands at its limit and asks whether to go on. */
  paused: boolean;
};

/** What draws the terminal. `done` is called when the bytes are on screen. */
export type Screen = {
  size: () => { cols: number; rows: number };
  write: (data: Uint8Array, done: () => void) => void;
  /** Begins anew: nothing of what was shown before stays. */
  reset: (cols: number, rows: number) => void;
  resized: (cols: number, rows: number) => void;
};

type Socket = Pick<WebSocket, 'send' | 'close' | 'binaryType' | 'onopen' | 'onmessage' | 'onclose' | 'bufferedAmount'>;
export type AttachmentConfig = {
  attach: () => Promise<{ token: string; url: string }>;
  open?: (url: string) => Socket;
  screen: Screen;
};

const ackEvery = 16 * 1024;
const maxUnacked = 256 * 1024;
const pingMs = 20_000;
const maxPauseMs = 8_000;

/**
 * One viewer's attachment to a Terminal or Run. It comes back by itself after a loss, goes on where it was, and
 * keeps what was typed until the terminal has taken it.
 */
export class Attachment {
  #state: AttachState = { phase: 'connecting', retryAt: null, mayType: false, controller: false, viewers: [], exit: null, notice: '', paused: false };
  #listeners = new Set<() => void>();
  #socket: Socket | null = null;
  #viewer = newViewerId();
  #closed = false;
  #failures = 0;
  #timer = 0;
  #pinger = 0;
  #heard = true;
  #received: number | null = null;
  #rendered = 0;
  #acked = 0;
  #writing = 0;
  #liveFrom = 0;
  #seq = 0;
  #unacked: { seq: number; data: Uint8Array }[] = [];
  #waiting: Uint8Array[] = [];
  #early = '';

  constructor(private readonly config: AttachmentConfig) {
    void this.#connect();
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };
  get = (): AttachState => this.#state;

  /** While old output is drawn again, what the terminal answers by itself must not be typed. */
  get muted(): boolean {
    return this.#state.phase !== 'live' || this.#rendered < this.#liveFrom;
  }

  /** Types into the terminal; false where that cannot be now. */
  type(text: string): boolean {
    if (this.muted) return this.#keep(text);
    if (!this.#state.mayType || this.#state.exit) return false;
    const all = new TextEncoder().encode(text);
    for (let at = 0; at < all.length; at += maxInput) this.#waiting.push(all.subarray(at, at + maxInput));
    this.#pump();
    return true;
  }

  /**
   * Keys pressed while the screen is being drawn wait for it: were the first ones dropped, half a command would run. What
   * a terminal answers by itself begins with an escape, and is not kept.
   */
  #keep(text: string): boolean {
    const drawing = this.#state.phase === 'connecting' || this.#state.phase === 'live';
    if (!drawing || text.startsWith('\x1b') || this.#early.length + text.length > maxInput) return false;
    this.#early += text;
    return true;
  }

  #typeEarly() {
    const text = this.#early;
    if (text === '' || this.muted) return;
    this.#early = '';
    this.type(text);
  }

  resize(cols: number, rows: number) {
    if (this.#state.phase === 'live') this.#send(resizeFrame(cols, rows));
  }
  takeControl() {
    if (this.#state.phase === 'live') this.#send(takeControlFrame());
  }
  reconnectNow = () => {
    if (this.#state.phase !== 'lost') return;
    this.#failures = 0;
    void this.#connect();
  };
  close() {
    this.#closed = true;
    window.clearTimeout(this.#timer);
    window.clearInterval(this.#pinger);
    this.#drop();
  }

  async #connect() {
    window.clearTimeout(this.#timer);
    this.#set({ phase: this.#failures > 0 || this.#received !== null ? 'lost' : 'connecting', retryAt: null });
    try {
      const { token, url } = await this.config.attach();
      if (this.#closed) return;
      this.#open(token, url);
    } catch (error) {
      if (this.#closed) return;
      if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429) this.#set({ phase: 'refused', notice: sentence(error), retryAt: null });
      else this.#retry();
    }
  }

  #open(token: string, url: string) {
    const socket = (this.config.open ?? ((u) => new WebSocket(u)))(new URL(url, window.location.href.replace(/^http/, 'ws')).href);
    this.#drop();
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    const { cols, rows } = this.config.screen.size();
    socket.onopen = () => socket.send(hello(token, this.#viewer, this.#received, cols, rows));
    socket.onmessage = (e: MessageEvent) => {
      if (this.#socket !== socket || !(e.data instanceof ArrayBuffer)) return;
      this.#heard = true;
      try {
        const frame = readFrame(e.data);
        if (frame) this.#take(frame);
      } catch (error) {
        this.#set({ phase: 'refused', notice: error instanceof RangeError && error.message.includes('Load') ? error.message : 'The terminal sent what this page cannot read. Load the page again.' });
        this.#drop();
      }
    };
    socket.onclose = (e: CloseEvent) => this.#socket === socket && this.#onClose(e.code);
  }

  #onClose(code: number) {
    this.#socket = null;
    this.#early = '';
    window.clearInterval(this.#pinger);
    if (this.#closed || this.#state.exit || this.#state.phase === 'refused') return;
    if (code === 4403) this.#set({ phase: 'refused', notice: 'You are no longer signed in, or may no longer see this terminal.' });
    else if (code === 4404) this.#set({ phase: 'refused', notice: 'The ticket is closed or deleted; its terminals have ended.' });
    else if (code === 1000) this.#set({ phase: 'ended' });
    else this.#retry();
  }

  #retry() {
    this.#failures++;
    const pause = Math.min(maxPauseMs, 250 * 2 ** (this.#failures - 1)) * (0.5 + Math.random() / 2);
    this.#set({ phase: 'lost', retryAt: Date.now() + pause });
    this.#timer = window.setTimeout(() => void this.#connect(), pause);
  }

  #take(f: ServerFrame) {
    const { screen } = this.config;
    switch (f.type) {
      case 'start':
        return this.#start(f);
      case 'output':
        if (this.#received !== null && f.offset !== this.#received) return this.#again();
        this.#received = f.offset + f.data.length;
        return this.#write(f.data, this.#received);
      case 'screen':
        this.#received = f.offset;
        this.#rendered = Math.max(this.#rendered, 0);
        screen.reset(f.cols, f.rows);
        if (f.data.length > 0) this.#write(f.data, f.offset, false);
        else this.#rendered = f.offset;
        return;
      case 'resized':
        return screen.resized(f.cols, f.rows);
      case 'exit':
        return this.#set({ phase: 'ended', exit: { code: f.known && f.signal === 0 ? f.code : null, signal: f.signal, timedOut: f.timedOut, stopped: f.stopped, reason: f.reason } });
      case 'input-ack':
        this.#unacked = this.#unacked.filter((i) => i.seq > f.seq);
        return this.#pump();
      case 'notice':
        return this.#set({ notice: f.code === 5 ? '' : f.text, paused: f.code === 3 ? true : f.code === 5 ? false : this.#state.paused });
      case 'presence': {
        const you = f.viewers.find((v) => v.you);
        return this.#set({ viewers: f.viewers, ...(you ? { mayType: you.may_type, controller: you.controller } : {}) });
      }
      case 'pong':
        return;
    }
  }

  #start(f: Extract<ServerFrame, { type: 'start' }>) {
    this.#failures = 0;
    this.#liveFrom = f.end;
    if (this.#received === f.from) this.#rendered = Math.max(this.#rendered, 0);
    else if (this.#received === null) this.#rendered = f.from;
    this.#received ??= f.from;
    this.#acked = 0;
    let notice = '';
    const open = this.#unacked;
    this.#unacked = [];
    if (f.inputKnown) {
      for (const i of open) if (i.seq > f.input) this.#sendInput(i);
    } else if (open.length > 0) notice = 'The connection broke while you typed. The last keys may not have arrived; look before you go on.';
    this.config.screen.resized(f.cols, f.rows);
    this.#set({ phase: 'live', retryAt: null, mayType: f.mayType, controller: f.controller, notice });
    window.clearInterval(this.#pinger);
    this.#heard = true;
    this.#pinger = window.setInterval(() => {
      // Two pings without a word: the connection is dead though nobody closed it.
      if (!this.#heard) return this.#again();
      this.#heard = false;
      this.#send(pingFrame());
    }, pingMs);
    this.#pump();
    this.#typeEarly();
  }

  #write(data: Uint8Array, end: number, counts = true) {
    this.#writing++;
    this.config.screen.write(data, () => {
      this.#writing--;
      const wasMuted = this.muted;
      this.#rendered = Math.max(end, counts ? this.#rendered : 0);
      if (this.#rendered > this.#acked && (this.#rendered - this.#acked >= ackEvery || this.#writing === 0)) {
        this.#acked = this.#rendered;
        if (counts) this.#send(ackFrame(this.#acked));
      }
      if (wasMuted !== this.muted) this.#set({});
      this.#typeEarly();
    });
  }

  #pump() {
    let open = this.#unacked.reduce((n, i) => n + i.data.length, 0);
    while (this.#socket && this.#state.phase === 'live') {
      const data = this.#waiting[0];
      if (!data || open + data.length > maxUnacked) return;
      this.#waiting.shift();
      open += data.length;
      this.#sendInput({ seq: ++this.#seq, data });
    }
  }

  #sendInput(i: { seq: number; data: Uint8Array }) {
    this.#unacked.push(i);
    this.#send(inputFrame(i.seq, i.data));
  }

  #send(bytes: Uint8Array<ArrayBuffer>) {
    this.#socket?.send(bytes);
  }

  #again() {
    this.#drop();
    this.#retry();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #set(change: Partial<AttachState>) {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function newViewerId(): string {
  return crypto.randomUUID().replaceAll('-', '');
}
