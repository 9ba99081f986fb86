import { statusLabels } from '../history/TicketState';
import type { KnownEvent } from './facts';
import { bytes, count, ending } from './words';

export type Group = 'messages' | 'decisions' | 'runs' | 'terminals' | 'files' | 'ticket';
export const groups: readonly { id: Group; label: string }[] = [
  { id: 'messages', label: 'Messages' },
  { id: 'decisions', label: 'Decisions' },
  { id: 'runs', label: 'Runs' },
  { id: 'terminals', label: 'Terminals' },
  { id: 'files', label: 'Files' },
  { id: 'ticket', label: 'Ticket' },
];

export function groupOf(e: KnownEvent): Group {
  if (e.kind.startsWith('Suggestion')) return 'decisions';
  if (e.kind.startsWith('Run')) return 'runs';
  if (e.kind.startsWith('Terminal')) return 'terminals';
  if (e.kind.startsWith('Workspace') || e.kind === 'FileChanged') return 'files';
  if (e.kind.startsWith('Ticket')) return 'ticket';
  return 'messages';
}

/** One line of the timeline: what was done, to follow who did it, and to what. `alone` stands without a name: it happened. */
export type Entry = { text: string; detail?: string; code?: boolean; alone?: boolean };

/** Whether it is worth a line: what only says that a message is on its way is not. */
export const tells = (e: KnownEvent) => e.kind !== 'TurnQueued' && (e.kind !== 'TurnSent' || (e.data.delivered?.length ?? 0) > 0);

/** A change of the ticket itself, to follow the name of who made it. */
export function noticeText(e: KnownEvent): string {
  return entry(e).text;
}

export function entry(e: KnownEvent): Entry {
  switch (e.kind) {
    case 'TicketCreated': return { text: 'opened the ticket', detail: e.data.title };
    case 'TicketRenamed': return { text: `renamed the ticket to “${e.data.to}”` };
    case 'TicketStatusChanged': return { text: statusText(e.data.to, e.data.solved) };
    case 'TicketAssigned': return { text: `switched to ${e.data.agent_name} · ${e.data.instance_name}` };
    case 'TicketDeleted': return { text: 'deleted the ticket' };
    case 'TicketRestored': return { text: 'restored the ticket' };
    case 'MessagePosted': return { text: e.data.role === 'user' ? (e.data.content ? 'wrote' : 'sent the results') : 'answered', detail: firstWords(e.data.content) };
    case 'TurnQueued': return { text: 'queued a message' };
    case 'TurnStarted': return { text: 'began to answer' };
    case 'TurnSent': return { text: e.data.delivered?.length ? `was told ${count(e.data.delivered.length, 'decision or result', 'decisions and results')}` : 'got the message' };
    case 'TurnEnded': return { text: { done: 'finished', failed: 'could not answer', interrupted: 'was interrupted', cancelled: 'was stopped' }[e.data.state], detail: e.data.reason };
    case 'TurnsHeld': return { text: `held ${count(e.data.turns.length, 'message')}` };
    case 'TurnsReleased': return { text: 'let the held messages go on' };
    case 'ReasoningRecorded': return { text: 'thought', detail: firstWords(e.data.text) };
    case 'ActivityRecorded': return { text: `${e.data.failure ? 'tried' : 'used'} ${e.data.name}`, detail: e.data.detail, code: true };
    case 'PlanStated': return { text: `planned: ${e.data.steps.filter((s) => s.state === 'done').length} of ${e.data.steps.length} steps done` };
    case 'LinkOffered': return { text: 'offered a link', detail: e.data.url };
    case 'QuestionAsked': return { text: 'asked', detail: firstWords(e.data.text) };
    case 'SuggestionProposed': return { text: 'suggested', detail: e.data.command, code: true };
    case 'SuggestionDecided': return { text: { approve: 'approved a command', reject: 'rejected a command', ignore: 'ignored a command', execute: 'executed a command', undo: 'took a decision back' }[e.data.choice], detail: e.data.reason };
    case 'SuggestionMoved': return { text: moved[e.data.state] ?? 'A command changed', detail: e.data.note, alone: true };
    case 'RunQueued': return { text: 'put a command in line' };
    case 'RunStarted': return { text: 'started', detail: e.data.command, code: true };
    case 'RunEnded': return { text: `Run ended: ${ending(e.data.outcome)}`, alone: true };
    case 'TerminalOpened': return { text: `opened the terminal ${e.data.title}` };
    case 'TerminalEnded': return { text: 'Terminal ended', detail: e.data.reason, alone: true };
    case 'WorkspaceOpened': return { text: 'made the ticket’s directory' };
    case 'WorkspaceRemoved': return { text: `removed the ticket’s directory with ${count(e.data.files, 'file')}` };
    case 'FileChanged': return { text: e.data.change === 'deleted' ? 'deleted' : `wrote ${e.data.size === undefined ? '' : bytes(e.data.size)} to`, detail: e.data.path, code: true };
  }
}

const moved: Partial<Record<string, string>> = {
  proposed: 'A command came back', lapsed: 'A command lapsed', sent: 'A command was handed to the agent', no_result: 'A command had no result', unknown: 'The outcome of a command is unknown', running: 'A command started', ran: 'A command ended',
};

function statusText(to: 'open' | 'in_progress' | 'closed', solved?: boolean): string {
  if (to === 'closed') return `closed the ticket${solved === true ? ', solved' : solved === false ? ', not solved' : ''}`;
  return `set the status to ${statusLabels[to]}`;
}

function firstWords(text: string): string {
  const line = text.split('\n').find((l) => l.trim() !== '')?.trim() ?? '';
  return line.length > 140 ? `${line.slice(0, 139)}…` : line;
}
