import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronDown } from 'lucide-react';
import { agentsQuery, instancesQuery } from '../api/agents';
import { sentence } from '../api/problem';
import { changeTicket, ticketQuery } from '../api/tickets';
import { Button } from '../ui/Button';
import { Combobox } from '../ui/Combobox';
import { toast } from '../ui/toast';
import { useHead } from './context';

/** Who answers: each instance that this tenant may use, under its agent. */
export function AgentPicker() {
  const head = useHead();
  const client = useQueryClient();
  const agents = useQuery(agentsQuery);
  const instances = useQuery(instancesQuery(head.tenant.id));
  const assign = useMutation({
    mutationFn: (instance: string) => changeTicket(head.key, { agent: agentOf(instance), instance }),
    onSuccess: () => client.invalidateQueries({ queryKey: ticketQuery(head.key).queryKey }),
    onError: (error) => toast(`The agent was not switched. ${sentence(error)}`, { tone: 'danger' }),
  });
  const nameOf = (id: string) => agents.data?.items.find((a) => a.id === id)?.name ?? id;
  const list = instances.data?.items ?? [];
  const agentOf = (instance: string) => list.find((i) => i.id === instance)?.agent ?? '';
  const same = head.instance.name === head.agent.name;
  return (
    <Combobox
      label="Agent and instance"
      placeholder="Find an agent"
      align="end"
      value={head.instance.id}
      items={list.map((i) => ({ value: i.id, label: nameOf(i.agent), note: i.name, keywords: [i.name] }))}
      onSelect={(id) => id !== head.instance.id && assign.mutate(id)}
      empty={instances.isPending ? 'Loading…' : instances.isError ? 'The agents were not loaded. Close this and try again.' : 'This tenant may use no agent. An admin can change that in AI Studio.'}
      trigger={
        <Button tone="quiet" busy={assign.isPending} className="max-w-64 min-w-0 shrink!">
          <span className="truncate">{head.agent.name || 'No agent'}</span>
          {!same && head.instance.name && ' '}
          {!same && head.instance.name && <span className="hidden truncate font-normal text-ink-3 wide:inline">{head.instance.name}</span>}
          <span className="sr-only">, switch agent or instance</span>
          <ChevronDown size={14} aria-hidden className="shrink-0 text-ink-3" />
        </Button>
      }
    />
  );
}
