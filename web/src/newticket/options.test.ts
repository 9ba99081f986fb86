import { expect, test } from 'vitest';
import type { Agent, Instance } from '../api/types';
import { agentsFor, settle } from './options';

const agent = (id: string): Agent => ({ id, name: id, kind: 'runbook', domain: '', description: '', prompt_suggestions: [] });
const instance = (id: string, of: string): Instance => ({ id, agent: of, name: id, all_tenants: true, tenants: [] });
const agents = [agent('k8s'), agent('logs'), agent('away')];
const instances = [instance('prod', 'k8s'), instance('test', 'k8s'), instance('all', 'logs')];

test('only agents that the tenant can reach are offered', () => {
  expect(agentsFor(agents, instances).map((a) => a.id)).toEqual(['k8s', 'logs']);
});

test('the last choice stands while it is possible', () => {
  expect(settle({ agent: 'k8s', instance: 'test' }, agents, instances)).toEqual({ agent: 'k8s', instance: 'test' });
  expect(settle({ agent: 'k8s', instance: 'gone' }, agents, instances)).toEqual({ agent: 'k8s', instance: 'prod' });
  expect(settle({ agent: 'away', instance: 'x' }, agents, instances)).toEqual({ agent: 'k8s', instance: 'prod' });
  expect(settle({ agent: 'logs' }, agents, instances)).toEqual({ agent: 'logs', instance: 'all' });
  expect(settle(null, agents, instances)).toEqual({ agent: 'k8s', instance: 'prod' });
  expect(settle(null, agents, [])).toEqual({ agent: '', instance: '' });
});
