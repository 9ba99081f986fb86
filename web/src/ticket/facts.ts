import type { By, TicketEvent, TicketStatus } from '../api/types';

// The facts of the event log as the Canvas reads them, by kind. The log decodes for ever; kinds and fields that are
// not named here are left out.

export type SuggestionState = 'proposed' | 'approved' | 'running' | 'rejected' | 'ignored' | 'lapsed' | 'sent' | 'ran' | 'no_result' | 'unknown';
export type Choice = 'approve' | 'reject' | 'ignore' | 'execute' | 'undo';
export type Risk = 'reads' | 'changes' | 'destructive';
export type TurnEnd = 'done' | 'failed' | 'interrupted' | 'cancelled';
export type StepState = 'pending' | 'active' | 'done' | 'skipped' | 'failed';

export type PlanStep = { title: string; state: StepState };
export type ProposedFile = { path: string; content: string };

export type Outcome = {
  exit_code: number | null;
  signal?: string;
  timed_out?: boolean;
  stopped?: boolean;
  unknown?: boolean;
  output: string;
  truncated?: boolean;
  started_at: string;
  ended_at: string;
  by: By;
};

export type Delivery = { suggestion: string; command: string; choice: Choice; reason?: string; run?: string; outcome?: Outcome };

export type Proposal = {
  id: string;
  turn: string;
  agent: string;
  instance: string;
  position: number;
  command: string;
  purpose: string;
  expected: string;
  scope: string;
  place: string;
  cwd: string;
  files?: ProposedFile[];
  risk: Risk;
  env_names?: string[];
  digest: string;
};

export type Facts = {
  TicketCreated: { title: string; agent: string; instance: string };
  TicketRenamed: { from: string; to: string };
  TicketStatusChanged: { from: TicketStatus; to: TicketStatus; solved?: boolean };
  TicketAssigned: { agent: string; agent_name: string; instance: string; instance_name: string };
  TicketDeleted: { purge_at: string };
  TicketRestored: object;
  MessagePosted: { id: string; role: 'user' | 'assistant'; content: string; turn?: string; instance?: string };
  TurnQueued: { turn: string; message: string; agent: string; instance: string };
  TurnStarted: { turn: string; agent: string; agent_name: string; instance: string };
  TurnSent: { turn: string; delivered?: Delivery[] };
  TurnEnded: { turn: string; state: TurnEnd; reason?: string; message?: string; text?: string };
  TurnsHeld: { turns: string[] };
  TurnsReleased: object;
  ReasoningRecorded: { turn: string; text: string; took_ms: number };
  ActivityRecorded: { turn: string; name: string; detail?: string; result?: string; took_ms: number; failure?: boolean };
  PlanStated: { turn: string; steps: PlanStep[] };
  LinkOffered: { turn: string; url: string; description: string };
  QuestionAsked: { turn: string; text: string; choices?: string[] };
  SuggestionProposed: Proposal;
  SuggestionDecided: { id: string; choice: Choice; state: SuggestionState; reason?: string; digest: string };
  SuggestionMoved: { id: string; state: SuggestionState; note?: string };
  RunQueued: { run: string; suggestion: string };
  RunStarted: { run: string; suggestion: string; command: string; scope: string };
  RunEnded: { run: string; suggestion: string; state: SuggestionState; outcome: Outcome };
  TerminalOpened: { terminal: string; scope: string; place: string; title: string };
  TerminalEnded: { terminal: string; reason?: string; exit_code?: number };
  WorkspaceOpened: { number: number };
  WorkspaceRemoved: { number: number; files: number };
  FileChanged: { path: string; change: 'written' | 'deleted'; size?: number; sha256?: string };
};

export type Kind = keyof Facts;
type EventOf<K extends Kind> = Omit<TicketEvent, 'kind' | 'data'> & { kind: K; data: Facts[K] };
export type KnownEvent = { [K in Kind]: EventOf<K> }[Kind];

const kinds: Record<Kind, true> = {
  TicketCreated: true, TicketRenamed: true, TicketStatusChanged: true, TicketAssigned: true, TicketDeleted: true, TicketRestored: true,
  MessagePosted: true, TurnQueued: true, TurnStarted: true, TurnSent: true, TurnEnded: true, TurnsHeld: true, TurnsReleased: true,
  ReasoningRecorded: true, ActivityRecorded: true, PlanStated: true, LinkOffered: true, QuestionAsked: true,
  SuggestionProposed: true, SuggestionDecided: true, SuggestionMoved: true, RunQueued: true, RunStarted: true, RunEnded: true,
  TerminalOpened: true, TerminalEnded: true, WorkspaceOpened: true, WorkspaceRemoved: true, FileChanged: true,
};

/** The event with its fact's type; null for a kind that this page does not know. */
export function known(e: TicketEvent): KnownEvent | null {
  if (!Object.hasOwn(kinds, e.kind) || typeof e.data !== 'object' || e.data === null) return null;
  return e as KnownEvent; // the one place where the log's JSON is taken at its word
}
