import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { agentsQuery, instancesQuery } from '../api/agents';
import { meQuery } from '../api/me';
import { Problem, sentence } from '../api/problem';
import { createTicket } from '../api/tickets';
import type { Agent } from '../api/types';
import { Page } from '../app/Page';
import { useStored } from '../app/stored';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Textarea } from '../ui/Input';
import { Kbd } from '../ui/Kbd';
import { Select } from '../ui/Select';
import { Loading, Skeleton } from '../ui/Skeleton';
import { EmptyState, ErrorState } from '../ui/States';
import { draftName, readChoice, readTenant, writeChoice, writeTenant } from './draft';
import { agentsFor, settle } from './options';

const title = 'What do you need help with?';

/** The start of every ticket: for which tenant, by whom, and what it is about. */
export function NewTicketPage() {
  const me = useQuery(meQuery);
  const agents = useQuery(agentsQuery);
  const tenants = me.data?.tenants ?? [];
  const [chosenTenant, setChosenTenant] = useState(readTenant);
  const tenant = tenants.find((t) => t.id === chosenTenant) ?? tenants[0];
  const instances = useQuery({ ...instancesQuery(tenant?.id), enabled: tenant !== undefined });
  const error = me.error ?? agents.error ?? instances.error;

  const body = () => {
    if (error) {
      return (
        <ErrorState
          title="The agents were not loaded."
          detail={`${sentence(error)} What you typed is kept.`}
          requestId={error instanceof Problem ? error.requestId : undefined}
          onRetry={() => void Promise.all([me.refetch(), agents.refetch(), instances.refetch()])}
        />
      );
    }
    if (me.data && !tenant) return <EmptyState>You are a member of no tenant yet, and every ticket belongs to one. Ask an admin to add you.</EmptyState>;
    if (!tenant || !agents.data || !instances.data) return <Placeholder />;
    return (
      <Form
        key={tenant.id}
        tenant={tenant.id}
        tenants={tenants}
        agents={agentsFor(agents.data.items, instances.data.items)}
        instances={instances.data.items}
        onTenant={(id) => {
          writeTenant(id);
          setChosenTenant(id);
        }}
      />
    );
  };
  return (
    <Page title={title} windowTitle="New ticket" width="narrow">
      {body()}
    </Page>
  );
}

type FormProps = {
  tenant: string;
  tenants: readonly { id: string; name: string }[];
  agents: readonly Agent[];
  instances: Parameters<typeof settle>[2];
  onTenant: (id: string) => void;
};

function Form({ tenant, tenants, agents, instances, onTenant }: FormProps) {
  const navigate = useNavigate();
  const router = useRouter();
  const queryClient = useQueryClient();
  const asked = useSearch({ from: '/app/new' });
  const [draft, setDraft] = useStored(draftName);
  const [wanted, setWanted] = useState(() => (asked.agent ? { agent: asked.agent } : readChoice(tenant)));
  const [tried, setTried] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const choice = settle(wanted, agents, instances);
  const agent = agents.find((a) => a.id === choice.agent);
  const mine = instances.filter((i) => i.agent === choice.agent);
  const message = draft ?? asked.message ?? '';

  const choose = (next: { agent: string; instance?: string }) => {
    const settled = settle(next, agents, instances);
    setWanted(settled);
    writeChoice(tenant, settled);
  };

  // One key per content: pressing again after a lost answer does not make a second ticket.
  const attempt = useRef({ of: '', key: '' });
  const create = useMutation({
    mutationFn: () => {
      const body = { tenant, agent: choice.agent, instance: choice.instance, message: message.trim() };
      const of = JSON.stringify(body);
      if (attempt.current.of !== of) attempt.current = { of, key: crypto.randomUUID() };
      return createTicket(body, attempt.current.key);
    },
    onSuccess: (ticket) => {
      setDraft(null);
      writeTenant(tenant);
      queryClient.setQueryData(['tickets', 'one', ticket.key], ticket);
      void queryClient.invalidateQueries({ queryKey: ['tickets', 'list'] });
      return navigate({ to: '/tickets/$key', params: { key: ticket.key } });
    },
  });

  const submit = () => {
    setTried(true);
    if (message.trim() === '') {
      area.current?.focus();
      return;
    }
    if (choice.instance && !create.isPending) create.mutate();
  };

  const fill = (text: string) => {
    setDraft(text);
    area.current?.focus();
    requestAnimationFrame(() => area.current?.setSelectionRange(text.length, text.length));
  };

  const empty = tried && message.trim() === '' ? 'Describe the task or the trouble first.' : null;
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(e) => {
        e.preventDefault();
        submit();
      }}
    >
      <div className="grid gap-3 wide:grid-cols-[3fr_5fr_3fr]">
        <Field label="Tenant">{(c) => <Select {...c} value={tenant} options={tenants.map((t) => ({ value: t.id, label: t.name }))} onChange={onTenant} />}</Field>
        <Field label="Agent">
          {(c) => <Select {...c} value={choice.agent} placeholder="None allowed" options={agents.map((a) => ({ value: a.id, label: a.domain && a.domain !== a.name ? `${a.name} · ${a.domain}` : a.name }))} onChange={(id) => choose({ agent: id })} />}
        </Field>
        <Field label="Instance">
          {(c) => <Select {...c} value={choice.instance} placeholder="None allowed" options={mine.map((i) => ({ value: i.id, label: i.name }))} onChange={(id) => choose({ agent: choice.agent, instance: id })} />}
        </Field>
      </div>
      {agent?.description && <p className="-mt-2 text-meta text-ink-3">{agent.description}</p>}
      {agents.length === 0 && (
        <Banner tone="warn">This tenant may use no agent yet. Choose another tenant, or ask an admin to allow an instance for it.</Banner>
      )}
      <Field label="Message to Agent" error={empty}>
        {(c) => (
          <Textarea
            {...c}
            ref={area}
            rows={6}
            className="max-h-[50dvh] overflow-y-auto"
            value={message}
            placeholder="What should be done, or what is wrong since when?"
            onChange={(e) => setDraft(e.target.value || null)}
            onKeyDown={(e) => {
              if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && !e.nativeEvent.isComposing) {
                e.preventDefault();
                submit();
              }
            }}
          />
        )}
      </Field>
      {agent && agent.prompt_suggestions.length > 0 && (
        <section aria-labelledby="suggestions">
          <h2 id="suggestions" className="mb-1.5 text-control font-medium text-ink-2">
            Suggestions for {agent.name}
          </h2>
          <ul className="flex flex-wrap gap-2">
            {agent.prompt_suggestions.map((text) => (
              <li key={text} className="max-w-full">
                <button
                  type="button"
                  onClick={() => fill(text)}
                  className="min-h-[max(28px,calc(var(--control)-4px))] max-w-full rounded-control border border-line bg-surface px-2.5 py-1 text-left text-control text-ink-2 hover:border-line-strong hover:bg-raised hover:text-ink"
                >
                  {text}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {create.error && (
        <Banner tone="danger" live>
          {sentence(create.error)} Your message is kept.
        </Banner>
      )}
      <div className="flex items-center justify-end gap-3 border-t border-line pt-4">
        <span className="mr-auto text-meta text-ink-3">{draft ? 'Draft kept in this browser' : ''}</span>
        <Button
          tone="primary"
          type="submit"
          busy={create.isPending}
          disabledReason={!choice.instance && 'This tenant may use no agent yet.'}
          onPointerDown={() => void router.preloadRoute({ to: '/tickets/$key', params: { key: 'x' } })}
        >
          Submit <Kbd keys="Ctrl+Enter" inverse className="ml-1 pointer-coarse:hidden" />
        </Button>
      </div>
    </form>
  );
}

function Placeholder() {
  return (
    <Loading label="agents">
      <div className="grid gap-3 wide:grid-cols-3">
        {['tenant', 'agent', 'instance'].map((x) => (
          <Skeleton key={x} className="mt-6 h-control" />
        ))}
      </div>
      <Skeleton className="mt-12 h-36" />
    </Loading>
  );
}
