import type { By, TicketEvent } from '../api/types';
import { type Choice, type Delivery, known, type KnownEvent, type Outcome, type PlanStep, type Proposal, type SuggestionState, type TurnEnd } from './facts';

// The Canvas is a pure reduction of the ticket's event log: the same events give the same Canvas, in any order of
// arrival and however often each one arrives.

export type MessageRow = { kind: 'message'; id: string; seq: number; at: string; by: By; content: string; turn: string; fate: 'queued' | 'held' | 'sent' | 'discarded' };
export type TrailStep =
  | { kind: 'reasoning'; seq: number; text: string; tookMs: number }
  | { kind: 'activity'; seq: number; name: string; detail: string; result: string; tookMs: number; failure: boolean };
export type OfferedLink = { seq: number; url: string; description: string };
export type Question = { seq: number; text: string; choices: string[] };

/** One round of an agent: all that it did, in one article. */
export type TurnRow = {
  kind: 'turn';
  id: string;
  seq: number;
  at: string;
  agent: string;
  instance: string;
  state: 'running' | TurnEnd;
  endedAt: string;
  reason: string;
  delivered: readonly Delivery[];
  plan: readonly PlanStep[];
  trail: readonly TrailStep[];
  links: readonly OfferedLink[];
  suggestions: readonly string[];
  question: Question | null;
  /** The whole answer; null until it was posted. */
  answer: string | null;
  /** What had arrived where no answer was made of it. */
  partial: string;
};
/** A change of the ticket itself, told between the messages. */
export type NoticeRow = { kind: 'notice'; id: string; seq: number; at: string; by: By; event: KnownEvent };
export type Row = MessageRow | TurnRow | NoticeRow;

export type Run = { id: string; suggestion: string; seq: number; command: string; scope: string; state: 'waiting' | 'running' | 'ended'; at: string; by: By; outcome: Outcome | null };
export type Suggestion = Omit<Proposal, 'files' | 'env_names'> & {
  files: readonly { path: string; content: string }[];
  envNames: readonly string[];
  seq: number;
  at: string;
  state: SuggestionState;
  decision: { choice: Choice; reason: string; by: By; at: string } | null;
  run: string;
  outcome: Outcome | null;
  delivered: boolean;
  /** Why it came back or lapsed. */
  note: string;
};
export type OpenedTerminal = { id: string; scope: string; place: string; title: string; by: By; at: string; ended: boolean; reason: string };

export type Canvas = {
  /** All events held, in order and without a gap. */
  events: readonly TicketEvent[];
  /** Events that came before those that precede them. */
  ahead: ReadonlyMap<number, TicketEvent>;
  rows: readonly Row[];
  /** Messages whose turn has not started, in order. */
  queued: readonly MessageRow[];
  held: boolean;
  suggestions: ReadonlyMap<string, Suggestion>;
  runs: ReadonlyMap<string, Run>;
  terminals: ReadonlyMap<string, OpenedTerminal>;
  /** Of the newest change of a file or the workspace. */
  filesSeq: number;
  /** Of the newest question that nobody has answered by a message; "" where none is open. */
  openQuestion: string;
  /** Where each row stands: turns and messages by id. */
  index: ReadonlyMap<string, number>;
};

export const emptyCanvas: Canvas = {
  events: [], ahead: new Map(), rows: [], queued: [], held: false,
  suggestions: new Map(), runs: new Map(), terminals: new Map(), filesSeq: 0, openQuestion: '', index: new Map(),
};

export const newestSeq = (c: Canvas) => c.events.at(-1)?.seq ?? 0;
export const hasOlder = (c: Canvas) => (c.events[0]?.seq ?? 1) > 1;

/** Takes in events that follow those held. One that is known already changes nothing; one that is early waits. */
export function append(canvas: Canvas, events: readonly TicketEvent[]): Canvas {
  const ahead = new Map(canvas.ahead);
  let head = newestSeq(canvas);
  for (const e of events) if (e.seq > head || head === 0) ahead.set(e.seq, e);
  if (head === 0 && ahead.size > 0) head = Math.min(...ahead.keys()) - 1;
  const ready: TicketEvent[] = [];
  for (let e = ahead.get(head + 1); e; e = ahead.get(head + 1)) {
    ahead.delete(e.seq);
    head = e.seq;
    ready.push(e);
  }
  for (const seq of ahead.keys()) if (seq <= head) ahead.delete(seq);
  if (ready.length === 0) return ahead.size === canvas.ahead.size ? canvas : { ...canvas, ahead };
  const draft = open(canvas);
  for (const e of ready) reduce(draft, e);
  return { ...draft, events: canvas.events.concat(ready), ahead };
}

/** Puts older events in front. What they say of earlier rows is worked out anew: a decision may now find its command. */
export function prepend(canvas: Canvas, older: readonly TicketEvent[]): Canvas {
  const first = canvas.events[0]?.seq ?? Infinity;
  const before = older.filter((e) => e.seq < first);
  if (before.length === 0) return canvas;
  const all = [...before, ...canvas.events].toSorted((a, b) => a.seq - b.seq);
  return { ...append(emptyCanvas, all), ahead: canvas.ahead };
}

type Draft = { -readonly [K in keyof Canvas]: Canvas[K] } & {
  rows: Row[];
  queued: MessageRow[];
  suggestions: Map<string, Suggestion>;
  runs: Map<string, Run>;
  terminals: Map<string, OpenedTerminal>;
  index: Map<string, number>;
};

// Copied once for a batch of events, so that a page of history costs its own length and not its square.
function open(c: Canvas): Draft {
  return { ...c, rows: [...c.rows], queued: [...c.queued], suggestions: new Map(c.suggestions), runs: new Map(c.runs), terminals: new Map(c.terminals), index: new Map(c.index) };
}

function reduce(c: Draft, raw: TicketEvent): void {
  const e = known(raw);
  if (!e) return;
  switch (e.kind) {
    case 'TicketStatusChanged':
    case 'TicketAssigned':
    case 'TicketRenamed':
    case 'TicketDeleted':
    case 'TicketRestored':
      push(c, { kind: 'notice', id: `notice-${e.seq}`, seq: e.seq, at: e.at, by: e.actor, event: e });
      return;
    case 'MessagePosted':
      message(c, e);
      return;
    case 'TurnStarted':
      release(c, (m) => m.turn === e.data.turn, 'sent');
      turn(c, e.data.turn, e, { agent: e.data.agent_name || e.data.agent, instance: e.data.instance, state: 'running', endedAt: '', reason: '', partial: '' });
      return;
    case 'TurnSent':
      turn(c, e.data.turn, e, { delivered: e.data.delivered ?? [] });
      for (const d of e.data.delivered ?? []) suggestion(c, d.suggestion, { delivered: true });
      return;
    case 'TurnEnded':
      ended(c, e);
      return;
    case 'TurnsHeld':
      c.held = true;
      c.queued = c.queued.map((m) => (e.data.turns.includes(m.turn) ? { ...m, fate: 'held' } : m));
      return;
    case 'TurnsReleased':
      c.held = false;
      c.queued = c.queued.map((m) => (m.fate === 'held' ? { ...m, fate: 'queued' } : m));
      return;
    case 'ReasoningRecorded':
      step(c, e.data.turn, e, { kind: 'reasoning', seq: e.seq, text: e.data.text, tookMs: e.data.took_ms });
      return;
    case 'ActivityRecorded':
      step(c, e.data.turn, e, { kind: 'activity', seq: e.seq, name: e.data.name, detail: e.data.detail ?? '', result: e.data.result ?? '', tookMs: e.data.took_ms, failure: e.data.failure ?? false });
      return;
    case 'PlanStated':
      turn(c, e.data.turn, e, { plan: e.data.steps });
      return;
    case 'LinkOffered':
      turn(c, e.data.turn, e, (t) => ({ links: [...t.links, { seq: e.seq, url: e.data.url, description: e.data.description }] }));
      return;
    case 'QuestionAsked':
      turn(c, e.data.turn, e, { question: { seq: e.seq, text: e.data.text, choices: e.data.choices ?? [] } });
      c.openQuestion = e.data.turn;
      return;
    case 'SuggestionProposed': {
      const { files, env_names, ...data } = e.data;
      c.suggestions.set(data.id, { ...data, files: files ?? [], envNames: env_names ?? [], seq: e.seq, at: e.at, state: 'proposed', decision: null, run: '', outcome: null, delivered: false, note: '' });
      turn(c, data.turn, e, (t) => ({ suggestions: [...t.suggestions, data.id] }));
      return;
    }
    case 'SuggestionDecided':
      suggestion(c, e.data.id, { state: e.data.state, note: '', decision: e.data.choice === 'undo' ? null : { choice: e.data.choice, reason: e.data.reason ?? '', by: e.actor, at: e.at } });
      return;
    case 'SuggestionMoved':
      suggestion(c, e.data.id, { state: e.data.state, note: e.data.note ?? '', ...(e.data.state === 'proposed' ? { decision: null, run: '' } : {}) });
      return;
    case 'RunQueued':
      c.runs.set(e.data.run, { id: e.data.run, suggestion: e.data.suggestion, seq: e.seq, command: c.suggestions.get(e.data.suggestion)?.command ?? '', scope: c.suggestions.get(e.data.suggestion)?.scope ?? '', state: 'waiting', at: e.at, by: e.actor, outcome: null });
      suggestion(c, e.data.suggestion, { run: e.data.run });
      return;
    case 'RunStarted':
      c.runs.set(e.data.run, { id: e.data.run, suggestion: e.data.suggestion, seq: e.seq, command: e.data.command, scope: e.data.scope, state: 'running', at: e.at, by: e.actor, outcome: null });
      suggestion(c, e.data.suggestion, { run: e.data.run, state: 'running', note: '' });
      return;
    case 'RunEnded': {
      const run = c.runs.get(e.data.run);
      if (run) c.runs.set(run.id, { ...run, state: 'ended', outcome: e.data.outcome });
      suggestion(c, e.data.suggestion, { state: e.data.state, outcome: e.data.outcome });
      return;
    }
    case 'TerminalOpened':
      c.terminals.set(e.data.terminal, { id: e.data.terminal, scope: e.data.scope, place: e.data.place, title: e.data.title, by: e.actor, at: e.at, ended: false, reason: '' });
      return;
    case 'TerminalEnded': {
      const t = c.terminals.get(e.data.terminal);
      if (t) c.terminals.set(t.id, { ...t, ended: true, reason: e.data.reason ?? '' });
      return;
    }
    case 'WorkspaceOpened':
    case 'WorkspaceRemoved':
    case 'FileChanged':
      c.filesSeq = e.seq;
      return;
    case 'TicketCreated':
    case 'TurnQueued':
      return;
  }
}

type EventOf<K extends KnownEvent['kind']> = Extract<KnownEvent, { kind: K }>;

function message(c: Draft, e: EventOf<'MessagePosted'>): void {
  const { id, role, content, turn: of = '' } = e.data;
  if (role === 'assistant') {
    turn(c, of || id, e, { answer: content });
    return;
  }
  c.openQuestion = '';
  const row: MessageRow = { kind: 'message', id, seq: e.seq, at: e.at, by: e.actor, content, turn: of, fate: of === '' || c.index.has(of) ? 'sent' : c.held ? 'held' : 'queued' };
  if (row.fate === 'sent') push(c, row);
  else c.queued.push(row);
}

function ended(c: Draft, e: EventOf<'TurnEnded'>): void {
  const { turn: id, state, reason = '', text = '' } = e.data;
  const neverStarted = release(c, (m) => m.turn === id, 'discarded');
  if (neverStarted && !c.index.has(id)) {
    if (c.queued.length === 0) c.held = false;
    return;
  }
  turn(c, id, e, { state, reason, partial: text, endedAt: e.at });
}

/** Moves queued messages into the conversation: a message stands right before the turn that answers it. */
function release(c: Draft, which: (m: MessageRow) => boolean, fate: 'sent' | 'discarded'): boolean {
  const out = c.queued.filter(which);
  if (out.length === 0) return false;
  c.queued = c.queued.filter((m) => !which(m));
  for (const m of out) push(c, { ...m, fate });
  return true;
}

function push(c: Draft, row: Row): void {
  c.index.set(row.id, c.rows.length);
  c.rows.push(row);
}

function turn(c: Draft, id: string, e: KnownEvent, change: Partial<TurnRow> | ((t: TurnRow) => Partial<TurnRow>)): void {
  const at = c.index.get(id);
  const found = at === undefined ? undefined : c.rows[at];
  const row: TurnRow = found?.kind === 'turn' ? found : {
    kind: 'turn', id, seq: e.seq, at: e.at, agent: e.actor.kind === 'agent' ? e.actor.name : '', instance: '', state: e.kind === 'MessagePosted' ? 'done' : 'running', endedAt: '', reason: '',
    delivered: [], plan: [], trail: [], links: [], suggestions: [], question: null, answer: null, partial: '',
  };
  const next = { ...row, ...(typeof change === 'function' ? change(row) : change) };
  if (found?.kind === 'turn' && at !== undefined) c.rows[at] = next;
  else push(c, next);
}

function step(c: Draft, id: string, e: KnownEvent, s: TrailStep): void {
  turn(c, id, e, (t) => ({ trail: [...t.trail, s] }));
}

function suggestion(c: Draft, id: string, change: Partial<Suggestion>): void {
  const s = c.suggestions.get(id);
  if (s) c.suggestions.set(id, { ...s, ...change });
}

/** The commands that wait for a person, in the order shown. */
export function waiting(c: Canvas): Suggestion[] {
  return [...c.suggestions.values()].filter((s) => s.state === 'proposed');
}

/** What the next message to an instance carries: approved commands, rejections, and outcomes it has not heard of. */
export function due(c: Canvas, instance: string): Suggestion[] {
  return [...c.suggestions.values()].filter((s) => s.instance === instance && !s.delivered && (s.state === 'approved' || s.state === 'rejected' || s.state === 'ran' || s.state === 'unknown'));
}

/** The turn that is being answered now. */
export function runningTurn(c: Canvas): TurnRow | null {
  for (let i = c.rows.length - 1; i >= 0; i--) {
    const row = c.rows[i];
    if (row?.kind === 'turn' && row.state === 'running') return row;
  }
  return null;
}
