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

/** A change of the ticket itself, to follow the name of who made it. */
export function noticeText(e: KnownEvent): string {
  return entry(e).text;
}

/** One line of the timeline: what was done, to follow who did it, and what it was done to. */
export function entry(e: KnownEvent): { text: string; detail?: string; code?: boolean } {
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
    case 'SuggestionMoved': return { text: `${moved[e.data.state] ?? 'changed a command'}`, detail: e.data.note };
    case 'RunQueued': return { text: 'put a command in line' };
    case 'RunStarted': return { text: 'started', detail: e.data.command, code: true };
    case 'RunEnded': return { text: `saw it end: ${ending(e.data.outcome)}` };
    case 'TerminalOpened': return { text: `opened the terminal ${e.data.title}` };
    case 'TerminalEnded': return { text: 'saw a terminal end', detail: e.data.reason };
    case 'WorkspaceOpened': return { text: 'made the ticket’s directory' };
    case 'WorkspaceRemoved': return { text: `removed the ticket’s directory with ${count(e.data.files, 'file')}` };
    case 'FileChanged': return { text: e.data.change === 'deleted' ? 'deleted' : `wrote ${e.data.size === undefined ? '' : bytes(e.data.size)} to`, detail: e.data.path, code: true };
  }
}

const moved: Partial<Record<string, string>> = {
  proposed: 'returned a command', lapsed: 'let a command lapse', sent: 'handed a command to the agent', no_result: 'had no result of a command', unknown: 'lost the outcome of a command', running: 'started a command', ran: 'ended a command',
};

function statusText(to: 'open' | 'in_progress' | 'closed', solved?: boolean): string {
  if (to === 'closed') return `closed the ticket${solved === true ? ', solved' : solved === false ? ', not solved' : ''}`;
  return `set the status to ${statusLabels[to]}`;
}

function firstWords(text: string): string {
  const line = text.split('\n').find((l) => l.trim() !== '')?.trim() ?? '';
  return line.length > 140 ? `${line.slice(0, 139)}…` : line;
}
