import type { Suggestion } from './canvas';
import type { Pending } from './CanvasStore';
import type { Choice, SuggestionState } from './facts';
import { ending, timeOf, whoWord } from './words';

/** The whole life of a suggestion, as the server's table has it; a test compares the two. */
export const moves: Record<SuggestionState, readonly SuggestionState[]> = {
  proposed: ['approved', 'running', 'rejected', 'ignored', 'lapsed'],
  approved: ['running', 'sent', 'proposed', 'lapsed'],
  rejected: ['proposed'],
  ignored: ['proposed'],
  running: ['ran', 'unknown', 'proposed'],
  sent: ['ran', 'no_result', 'unknown'],
  lapsed: [],
  ran: [],
  no_result: [],
  unknown: [],
};

const targets: Record<Choice, SuggestionState> = { approve: 'approved', reject: 'rejected', ignore: 'ignored', execute: 'running', undo: 'proposed' };

/** The decisions that a person may take now, in the order of the buttons. */
export function choices(s: Pick<Suggestion, 'state' | 'delivered'>): Choice[] {
  if (s.state === 'proposed') return (['approve', 'reject', 'ignore', 'execute'] as const).filter((c) => moves.proposed.includes(targets[c]));
  // Undo is open until the decision was delivered; a Run that is claimed is not undone but stopped.
  if (s.state === 'approved' || s.state === 'rejected' || s.state === 'ignored') return s.delivered ? [] : ['undo'];
  return [];
}

export const labels: Record<Exclude<Choice, 'undo'>, { label: string; keys: string; help: (scope: string) => string; busy: string }> = {
  approve: { label: 'Approve', keys: 'A', help: (scope) => `Queued. Runs exactly as shown, in ${scope}, with your next message.`, busy: 'Approving…' },
  reject: { label: 'Reject', keys: 'R', help: () => 'Will not run. You may tell the agent what to do instead.', busy: 'Rejecting…' },
  ignore: { label: 'Ignore', keys: 'I', help: () => 'Nothing runs and the agent gets no answer for this command.', busy: 'Ignoring…' },
  execute: { label: 'Execute', keys: 'X', help: (scope) => `Runs now, in ${scope}, as you. The agent sees the output with your next message.`, busy: 'Starting…' },
};

export const reasons = ['Dry run first', 'Narrower scope', 'Explain why'] as const;

/** What a failed decision says before the server's own sentence. */
export function failure(p: Pending): string {
  const lead: Record<Choice, string> = { approve: 'Not approved: ', reject: p.reason ? 'Feedback not sent. Your text is kept. ' : 'Not rejected: ', ignore: 'Could not ignore. ', execute: 'Not started: ', undo: 'Not undone: ' };
  return lead[p.choice] + p.error;
}

export type Tone = 'neutral' | 'ok' | 'warn' | 'danger' | 'accent';

/** Where a decided command stands, in one sentence. */
export function standing(s: Suggestion, me: string): { tone: Tone; text: string } | null {
  const by = s.decision ? ` by ${whoWord(s.decision.by, me)}` : '';
  const at = s.decision ? ` ${timeOf(s.decision.at)}` : '';
  const hears = s.delivered ? 'The agent was told.' : 'The agent hears it with your next message.';
  switch (s.state) {
    case 'proposed':
      return s.note ? { tone: 'warn', text: `Came back: ${s.note}` } : null;
    case 'approved':
      return { tone: 'accent', text: `Approved${by}${at}, runs with your next message.` };
    case 'running':
      return { tone: 'accent', text: `Running${s.decision ? `, started${by}${at}` : ''}` };
    case 'rejected':
      return { tone: 'neutral', text: `Rejected${by}${at}${s.decision?.reason ? `: “${s.decision.reason}”` : '.'} ${hears}` };
    case 'ignored':
      return { tone: 'neutral', text: `Ignored${by}${at}.` };
    case 'lapsed':
      return { tone: 'neutral', text: `Lapsed: ${s.note || 'it is too late to decide on this.'}` };
    case 'sent':
      return { tone: 'accent', text: `Approved${by}${at} and sent. It runs at the agent, outside HelpDesk's sandbox.` };
    case 'no_result':
      return { tone: 'warn', text: 'Sent to the agent, which reported no result.' };
    case 'unknown':
      return { tone: 'warn', text: `Outcome unknown. It may have run; it is never run again by itself. ${s.note}`.trim() };
    case 'ran':
      return { tone: s.outcome?.exit_code === 0 ? 'ok' : 'danger', text: `Run${s.outcome?.by.id ? ` by ${whoWord(s.outcome.by, me)}` : by}: ${s.outcome ? ending(s.outcome) : 'ended'}. ${s.delivered ? 'The agent saw the output.' : 'The agent sees the output with your next message.'}` };
  }
}
