// Small words about commands, turns and times, the same everywhere on the Canvas.
import type { By } from '../api/types';
import type { Outcome, Risk } from './facts';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
export const timeOf = (at: string) => (Number.isNaN(Date.parse(at)) ? '' : clock.format(new Date(at)));

/** "1.8 s", "3 min 20 s". */
export function duration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return '';
  if (ms < 950) return `${(Math.max(ms, 10) / 1000).toFixed(ms < 100 ? 2 : 1)} s`;
  if (ms < 60_000) return `${ms < 9_950 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)} s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ''}`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export const took = (o: Outcome) => duration(Date.parse(o.ended_at) - Date.parse(o.started_at));

/** How it ended, in a few words: "exit 0, 1.8 s". */
export function ending(o: Outcome): string {
  if (o.unknown) return 'outcome unknown';
  const how = o.stopped ? 'stopped' : o.timed_out ? 'stopped at the time limit' : o.exit_code !== null ? `exit ${o.exit_code}` : o.signal ? `ended by signal ${o.signal}` : 'ended';
  const time = took(o);
  return time ? `${how}, ${time}` : how;
}

export const went = (o: Outcome): boolean => o.exit_code === 0 && !o.unknown;

export const riskWords: Record<Risk, string> = { reads: 'Reads only', changes: 'Changes state', destructive: 'Destructive' };

const placeWords: Record<string, string> = { sandbox: 'private sandbox', host_view: 'this machine, read-only', host: 'this machine itself' };
export const placeWord = (place: string) => placeWords[place] ?? place;

/** "Tenant: blue", "Admin", "Container: api-7d9f". */
export function scopeWord(scope: string, tenant: string): string {
  if (scope === 'admin') return 'Admin';
  if (scope.startsWith('container:')) return `Container: ${scope.slice('container:'.length)}`;
  return `Tenant: ${tenant}`;
}

export const whoWord = (by: By, me: string) => (by.id === me && by.kind === 'user' ? 'you' : by.name || 'HelpDesk');
export const WhoWord = (by: By, me: string) => (by.id === me && by.kind === 'user' ? 'You' : by.name || 'HelpDesk');

export const count = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

export function bytes(n: number): string {
  if (n < 1024) return count(n, 'byte');
  if (n < 1024 * 1024) return `${(n / 1024).toFixed(n < 10_240 ? 1 : 0)} KB`;
  return `${(n / 1024 / 1024).toFixed(1)} MB`;
}
