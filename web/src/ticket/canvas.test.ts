import { describe, expect, it } from 'vitest';
import { append, due, emptyCanvas, hasOlder, newestSeq, prepend, runningTurn, type TurnRow, waiting } from './canvas';
import { bot, Log, outcome } from './testdata/log';

const ids = (c: ReturnType<typeof append>) => c.rows.map((r) => r.id);
const turnOf = (c: ReturnType<typeof append>, id: string) => c.rows.find((r): r is TurnRow => r.kind === 'turn' && r.id === id);

describe('the reduction', () => {
  it('puts a round in order: message, then the turn with its answer', () => {
    const c = append(emptyCanvas, new Log().round(1).events);
    expect(ids(c)).toEqual(['m1', 't1']);
    expect(turnOf(c, 't1')).toMatchObject({ answer: 'Answer 1', state: 'done', agent: 'Runbooks' });
    expect(runningTurn(c)).toBeNull();
  });

  it('gives the same canvas for any order of arrival, with every event twice', () => {
    const log = new Log().round(1).round(2).propose('s1', 't2').round(3).events;
    const whole = append(emptyCanvas, log);
    const [first, ...rest] = log;
    let c = append(emptyCanvas, first ? [first] : []);
    for (const e of rest.toReversed()) c = append(append(c, [e]), [e]);
    expect(c).toEqual(whole);
  });

  it('holds what is early until the gap is filled, and shows none of it before', () => {
    const log = new Log().round(1).events;
    const c = append(append(emptyCanvas, log.slice(0, 2)), log.slice(4));
    expect(newestSeq(c)).toBe(2);
    expect(c.rows).toHaveLength(0);
    expect(newestSeq(append(c, log.slice(2, 4)))).toBe(6);
  });

  it('does not change at all for what it knows, or for a kind it does not', () => {
    const c = append(emptyCanvas, new Log().round(1).events);
    expect(append(c, c.events)).toBe(c);
    const next = append(c, [{ ticket: 'HD-1', seq: 7, kind: 'MoonRose', at: '', actor: bot, data: {} }]);
    expect(next.rows).toEqual(c.rows);
    expect(newestSeq(next)).toBe(7);
  });

  it('finds, after older pages came, the command that a later decision was about', () => {
    const log = new Log().round(1).propose('s1', 't1').add('SuggestionDecided', { id: 's1', choice: 'reject', state: 'rejected', reason: 'no', digest: 'd' });
    const late = append(emptyCanvas, log.events.slice(7));
    expect(hasOlder(late)).toBe(true);
    const c = prepend(prepend(late, log.events.slice(3, 7)), log.events.slice(0, 4));
    expect(c).toEqual(append(emptyCanvas, log.events));
    expect(c.suggestions.get('s1')?.state).toBe('rejected');
    expect(hasOlder(c)).toBe(false);
  });
});

describe('queued messages', () => {
  const log = () => new Log().add('MessagePosted', { id: 'm1', role: 'user', content: 'one', turn: 't1' }).add('MessagePosted', { id: 'm2', role: 'user', content: 'two', turn: 't2' });

  it('stand before their own turn, wherever they were posted', () => {
    const c = append(emptyCanvas, log().add('TurnStarted', { turn: 't1', agent: 'a', agent_name: 'A', instance: 'i1' }, bot).events);
    expect(ids(c)).toEqual(['m1', 't1']);
    expect(c.queued.map((m) => m.id)).toEqual(['m2']);
  });

  it('are held after a stop, and go on or are discarded', () => {
    const held = log().add('TurnsHeld', { turns: ['t1', 't2'] });
    let c = append(emptyCanvas, held.events);
    expect(c.held).toBe(true);
    expect(c.queued.map((m) => m.fate)).toEqual(['held', 'held']);
    c = append(c, new Log(3).add('TurnEnded', { turn: 't1', state: 'cancelled' }).add('TurnEnded', { turn: 't2', state: 'cancelled' }).events);
    expect(c.held).toBe(false);
    expect(c.rows.map((r) => r.kind === 'message' && r.fate)).toEqual(['discarded', 'discarded']);
    const released = append(append(emptyCanvas, held.events), new Log(3).add('TurnsReleased', {}).events);
    expect(released.queued.map((m) => m.fate)).toEqual(['queued', 'queued']);
  });
});

describe('turns that end without an answer', () => {
  it('keep the text that had come, and the reason', () => {
    const log = new Log().add('TurnStarted', { turn: 't1', agent: 'a', agent_name: 'A', instance: 'i1' }, bot).add('TurnEnded', { turn: 't1', state: 'interrupted', reason: 'The node was lost.', text: 'Half an ans' });
    expect(turnOf(append(emptyCanvas, log.events), 't1')).toMatchObject({ state: 'interrupted', reason: 'The node was lost.', partial: 'Half an ans', answer: null });
  });
});

describe('suggestions', () => {
  it('go from proposed by an approval and a run to told', () => {
    const log = new Log().round(1).propose('s1', 't1');
    let c = append(emptyCanvas, log.events);
    expect(waiting(c).map((s) => s.id)).toEqual(['s1']);
    log.add('SuggestionDecided', { id: 's1', choice: 'approve', state: 'approved', digest: 'digest-s1' });
    c = append(c, log.events);
    expect(waiting(c)).toHaveLength(0);
    expect(due(c, 'i1').map((s) => s.id)).toEqual(['s1']);
    expect(due(c, 'other')).toHaveLength(0);
    log.add('RunStarted', { run: 'r1', suggestion: 's1', command: 'df -h', scope: 'tenant' }).add('RunEnded', { run: 'r1', suggestion: 's1', state: 'ran', outcome: outcome() });
    c = append(c, log.events);
    expect(c.suggestions.get('s1')).toMatchObject({ state: 'ran', run: 'r1', outcome: { exit_code: 0 } });
    expect(c.runs.get('r1')?.state).toBe('ended');
    log.add('TurnSent', { turn: 't2', delivered: [{ suggestion: 's1', command: 'df -h', choice: 'approve' }] });
    expect(due(append(c, log.events), 'i1')).toHaveLength(0);
  });

  it('come back with a note and without their decision', () => {
    const log = new Log().round(1).propose('s1', 't1').add('SuggestionDecided', { id: 's1', choice: 'approve', state: 'approved', digest: 'd' }).add('SuggestionMoved', { id: 's1', state: 'proposed', note: 'The one before it failed.' });
    expect(append(emptyCanvas, log.events).suggestions.get('s1')).toMatchObject({ state: 'proposed', decision: null, note: 'The one before it failed.' });
  });
});

describe('cost', () => {
  it('of 2,000 messages is their number, not its square', () => {
    const log = new Log();
    for (let n = 1; n <= 1000; n++) log.round(n);
    const began = performance.now();
    let c = append(emptyCanvas, log.events.slice(-200));
    for (let end = log.events.length - 200; end > 0; end -= 200) c = prepend(c, log.events.slice(Math.max(0, end - 200), end));
    const took = performance.now() - began;
    expect(c.rows).toHaveLength(2000);
    // Thirty pages; a copy for each event instead of each page would take tens of times as long.
    expect(took).toBeLessThan(10_000);
  });
});
