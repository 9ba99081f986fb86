import type { Agent, Instance } from '../api/types';
import type { Choice } from './draft';

/** The agents that can be reached for a tenant: those with an instance it may use. */
export function agentsFor(agents: readonly Agent[], instances: readonly Instance[]): Agent[] {
  const reachable = new Set(instances.map((i) => i.agent));
  return agents.filter((a) => reachable.has(a.id));
}

/** What to offer as chosen: what was chosen last if it is still there, else the first of each. */
export function settle(wanted: Partial<Choice> | null, agents: readonly Agent[], instances: readonly Instance[]): Choice {
  const allowed = agentsFor(agents, instances);
  const agent = allowed.find((a) => a.id === wanted?.agent) ?? allowed[0];
  const mine = instances.filter((i) => i.agent === agent?.id);
  const instance = mine.find((i) => i.id === wanted?.instance) ?? mine[0];
  return { agent: agent?.id ?? '', instance: instance?.id ?? '' };
}
