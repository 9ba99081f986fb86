import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { append, emptyCanvas, type Suggestion } from './canvas';
import { choices, failure, moves, standing } from './decisions';
import { ann, Log, outcome } from './testdata/log';

const base = (): Suggestion => {
  const s = append(emptyCanvas, new Log().round(1).propose('s1', 't1').events).suggestions.get('s1');
  if (!s) throw new Error('no suggestion');
  return s;
};
const at = new Date(2026, 0, 1, 10, 59).toISOString();
const by = (choice: 'approve' | 'reject' | 'ignore' | 'execute', reason = '') => ({ choice, reason, by: ann, at });

describe('the decisions', () => {
  it('follow the table of the server', () => {
    const go = readFileSync('../suggestion.go', 'utf8');
    const names = new Map([...go.matchAll(/(Suggestion\w+)\s+(?:SuggestionState )?= "(\w+)"|(Suggestion\w+)\s+SuggestionState = "(\w+)"/g)].map((m) => [m[1] ?? m[3] ?? '', m[2] ?? m[4] ?? '']));
    const table = /var SuggestionMoves = [^{]+\{([\s\S]*?)\n\}/.exec(go)?.[1] ?? '';
    const theirs = Object.fromEntries([...table.matchAll(/(Suggestion\w+):\s*\{([^}]*)\}/g)].map((m) => [names.get(m[1] ?? ''), (m[2] ?? '').split(',').map((n) => n.trim()).filter(Boolean).map((n) => names.get(n))]));
    expect(theirs).toEqual(moves);
  });

  it('are offered by state; undo until the agent was told', () => {
    expect(choices({ state: 'proposed', delivered: false })).toEqual(['approve', 'reject', 'ignore', 'execute']);
    expect(choices({ state: 'approved', delivered: false })).toEqual(['undo']);
    expect(choices({ state: 'rejected', delivered: true })).toEqual([]);
    expect(choices({ state: 'running', delivered: false })).toEqual([]);
    expect(choices({ state: 'lapsed', delivered: false })).toEqual([]);
  });
});

describe('what a card says', () => {
  const said = (change: Partial<Suggestion>) => standing({ ...base(), ...change }, ann.id)?.text.replace(/\d\d:\d\d(\s?[AP]M)?/, '10:59');
  it.each([
    [{ state: 'approved', decision: by('approve') }, 'Approved by you 10:59, runs with your next message.'],
    [{ state: 'rejected', decision: by('reject', 'Use a dry run first.') }, 'Rejected by you 10:59: “Use a dry run first.” The agent hears it with your next message.'],
    [{ state: 'ignored', decision: by('ignore') }, 'Ignored by you 10:59.'],
    [{ state: 'ran', outcome: outcome({ exit_code: 1 }) }, 'Run by you: exit 1, 1.8 s. The agent sees the output with your next message.'],
    [{ state: 'ran', outcome: outcome(), delivered: true }, 'Run by you: exit 0, 1.8 s. The agent saw the output.'],
    [{ state: 'proposed', note: 'The one before it failed.' }, 'Came back: The one before it failed.'],
  ] satisfies [Partial<Suggestion>, string][])('%#', (change, want) => expect(said(change)).toBe(want));

  it('names what failed and what is kept', () => {
    expect(failure({ choice: 'reject', reason: 'no', error: 'The server cannot be reached.' })).toBe('Feedback not sent. Your text is kept. The server cannot be reached.');
  });
});
