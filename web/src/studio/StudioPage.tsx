import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { agentsQuery, instancesQuery } from '../api/agents';
import { meQuery } from '../api/me';
import { Problem, sentence } from '../api/problem';
import type { Agent, Instance, Tenant } from '../api/types';
import { Page } from '../app/Page';
import { Chip } from '../ui/Chip';
import { Loading, Skeleton } from '../ui/Skeleton';
import { EmptyState, ErrorState } from '../ui/States';

const kinds: Record<string, string> = { runbook: 'Built in', model: 'Model', remote: 'Remote' };

/** Which agents there are, where they can be reached, and by whom. */
export function StudioPage() {
  const agents = useQuery(agentsQuery);
  const instances = useQuery(instancesQuery());
  const me = useQuery(meQuery);
  const error = agents.error ?? instances.error;
  return (
    <Page title="AI Studio" description="The agents of this HelpDesk, and the instances at which they can be reached.">
      {error ? (
        <ErrorState title="The agents were not loaded." detail={sentence(error)} requestId={error instanceof Problem ? error.requestId : undefined} onRetry={() => void Promise.all([agents.refetch(), instances.refetch()])} />
      ) : !agents.data || !instances.data ? (
        <Loading label="agents">
          <div className="flex flex-col gap-3 border-t border-line py-5">
            <Skeleton className="h-4 w-40" />
            <Skeleton className="w-96 max-w-full" />
          </div>
        </Loading>
      ) : agents.data.items.length === 0 ? (
        <EmptyState>There is no agent that you may use. Ask an admin to allow one for a tenant of yours.</EmptyState>
      ) : (
        <ul className="divide-y divide-line border-y border-line">
          {agents.data.items.map((agent) => (
            <AgentRow key={agent.id} agent={agent} instances={instances.data.items.filter((i) => i.agent === agent.id)} tenants={me.data?.tenants ?? []} />
          ))}
        </ul>
      )}
    </Page>
  );
}

function AgentRow({ agent, instances, tenants }: { agent: Agent; instances: Instance[]; tenants: Tenant[] }) {
  const nameOf = (id: string) => tenants.find((t) => t.id === id)?.name ?? id;
  return (
    <li className="grid gap-x-8 gap-y-4 py-5 wide:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div>
        <h2 className="flex flex-wrap items-center gap-2 text-title font-semibold">
          {agent.name} <Chip tone="agent">{kinds[agent.kind] ?? agent.kind}</Chip>
          {agent.domain && <Chip>{agent.domain}</Chip>}
        </h2>
        {agent.description && <p className="mt-1 max-w-answer text-control text-ink-2">{agent.description}</p>}
        {agent.prompt_suggestions.length > 0 && (
          <>
            <h3 className="mt-3 text-meta font-medium text-ink-2">Prompt suggestions</h3>
            <ul className="mt-1 flex flex-col gap-0.5 text-control">
              {agent.prompt_suggestions.map((text) => (
                <li key={text}>
                  <Link to="/new" className="-mx-1.5 inline-flex min-h-6 items-center rounded-chip px-1.5 text-accent hover:bg-accent-soft" search={{ agent: agent.id, message: text }}>
                    {text}
                  </Link>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
      <div>
        <h3 className="text-meta font-medium text-ink-2">{instances.length === 1 ? 'Instance' : 'Instances'}</h3>
        {instances.length === 0 ? (
          <p className="mt-1 text-control text-ink-3">None that you may use.</p>
        ) : (
          <ul className="mt-1 flex flex-col gap-2">
            {instances.map((i) => (
              <li key={i.id} className="text-control">
                <span className="font-medium">{i.name}</span>
                <span className="block text-meta text-ink-3">{i.all_tenants ? 'All tenants may use it' : `Allowed for ${i.tenants.map(nameOf).join(', ') || 'no tenant'}`}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </li>
  );
}
