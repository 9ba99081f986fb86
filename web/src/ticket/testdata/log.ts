import type { By, TicketEvent } from '../../api/types';
import type { Facts, Kind, Outcome, Proposal } from '../facts';

// Events for tests, in few words.
export const ann: By = { kind: 'user', id: 'u1', name: 'Ann' };
export const bot: By = { kind: 'agent', id: 'i1', name: 'Runbooks' };

/** A log that numbers its events. */
export class Log {
  events: TicketEvent[] = [];
  constructor(private seq = 0) {}
  add<K extends Kind>(kind: K, data: Facts[K], actor: By = ann): this {
    this.seq++;
    this.events.push({ ticket: 'HD-1', seq: this.seq, kind, at: new Date(Date.UTC(2026, 0, 1, 9, 0, this.seq)).toISOString(), actor, data });
    return this;
  }
  /** A message and the whole answer to it. */
  round(n: number): this {
    const turn = `t${n}`;
    return this.add('MessagePosted', { id: `m${n}`, role: 'user', content: `Question ${n}`, turn, instance: 'i1' })
      .add('TurnQueued', { turn, message: `m${n}`, agent: 'a1', instance: 'i1' })
      .add('TurnStarted', { turn, agent: 'a1', agent_name: 'Runbooks', instance: 'i1' }, bot)
      .add('TurnSent', { turn }, bot)
      .add('MessagePosted', { id: `r${n}`, role: 'assistant', content: `Answer ${n}`, turn, instance: 'i1' }, bot)
      .add('TurnEnded', { turn, state: 'done', message: `r${n}` }, bot);
  }
  propose(id: string, turn: string, over: Partial<Proposal> = {}): this {
    return this.add('SuggestionProposed', { ...proposal(id, turn), ...over }, bot);
  }
}

export const proposal = (id: string, turn: string): Proposal => ({
  id, turn, agent: 'a1', instance: 'i1', position: 1, command: 'df -h', purpose: 'See how full the disks are.', expected: 'One line per file system.',
  scope: 'tenant', place: 'host_view', cwd: '/workspace', risk: 'reads', digest: `digest-${id}`,
});

export const outcome = (over: Partial<Outcome> = {}): Outcome => ({ exit_code: 0, output: 'ok\n', started_at: '2026-01-01T09:00:00Z', ended_at: '2026-01-01T09:00:01.8Z', by: ann, ...over });
