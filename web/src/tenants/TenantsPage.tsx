import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { ChevronRight, Plus } from 'lucide-react';
import { useRef, useState } from 'react';
import { Problem, sentence } from '../api/problem';
import { createTenant, tenantsQuery } from '../api/tenants';
import type { Tenant, TenantPlace } from '../api/types';
import { Page } from '../app/Page';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Input } from '../ui/Input';
import { Select } from '../ui/Select';
import { Loading, Skeleton } from '../ui/Skeleton';
import { EmptyState, ErrorState } from '../ui/States';
import { placeOf, places, prefixFrom, prefixPattern } from './places';

export function TenantsPage() {
  const tenants = useQuery(tenantsQuery);
  const [creating, setCreating] = useState(false);
  const add = (
    <Button tone="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setCreating(true)}>
      New tenant
    </Button>
  );
  return (
    <Page title="Tenants" description="A tenant is a wall: its tickets, people, files and credentials are its own, and what runs for it cannot reach another's." actions={add}>
      {tenants.isError ? (
        <ErrorState title="The tenants were not loaded." detail={sentence(tenants.error)} requestId={tenants.error instanceof Problem ? tenants.error.requestId : undefined} onRetry={() => void tenants.refetch()} />
      ) : tenants.isPending ? (
        <Loading label="tenants">
          <div className="flex flex-col gap-3 border-y border-line px-2 py-4">
            <Skeleton className="w-40" />
            <Skeleton className="w-64" />
          </div>
        </Loading>
      ) : tenants.data.items.length === 0 ? (
        <EmptyState action={add}>There is no tenant yet. Every ticket belongs to one.</EmptyState>
      ) : (
        <ul className="divide-y divide-line border-y border-line">
          {tenants.data.items.map((t) => (
            <Row key={t.id} tenant={t} />
          ))}
        </ul>
      )}
      {creating && <CreateDialog onClose={() => setCreating(false)} />}
    </Page>
  );
}

function Row({ tenant: t }: { tenant: Tenant }) {
  const count = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
  return (
    <li className="relative flex items-center gap-3 px-2 py-2.5 hover:bg-raised">
      <div className="min-w-0 flex-1">
        <Link to="/admin/tenants/$id" params={{ id: t.id }} className="font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-control focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-focus">
          {t.name}
        </Link>
        <p className="num text-control text-ink-3">
          <span className="font-mono text-meta">{t.prefix}-…</span> · {placeOf(t.place)?.label ?? t.place} · {count(t.members.length, 'member', 'members')} · {count(t.tickets, 'ticket', 'tickets')}
        </p>
      </div>
      <ChevronRight size={16} aria-hidden className="text-ink-3" />
    </li>
  );
}

function CreateDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [name, setName] = useState('');
  const [typedPrefix, setPrefix] = useState<string | null>(null);
  const [place, setPlace] = useState<TenantPlace>('sandbox');
  const [tried, setTried] = useState(false);
  const key = useRef(crypto.randomUUID());
  const prefix = typedPrefix ?? prefixFrom(name);
  const create = useMutation({
    mutationFn: () => createTenant({ name: name.trim(), prefix, place }, key.current),
    onSuccess: async (tenant) => {
      await queryClient.invalidateQueries({ queryKey: ['tenants'] });
      void queryClient.invalidateQueries({ queryKey: ['me'] });
      onClose();
      await navigate({ to: '/admin/tenants/$id', params: { id: tenant.id } });
    },
    // With other words it is another request.
    onError: () => (key.current = crypto.randomUUID()),
  });
  const fields = create.error instanceof Problem ? create.error.fields : {};
  return (
    <Dialog
      open
      onClose={onClose}
      title="New tenant"
      onSubmit={() => {
        setTried(true);
        if (name.trim() && prefixPattern.test(prefix) && !create.isPending) create.mutate();
      }}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" type="submit" busy={create.isPending}>
            Create tenant
          </Button>
        </>
      }
    >
      <Field label="Name" error={tried && !name.trim() ? 'Give it a name.' : fields['name']}>
        {(c) => <Input {...c} autoFocus value={name} onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Field label="Prefix of ticket keys" hint="Fixed by the tenant's first ticket." error={tried && !prefixPattern.test(prefix) ? 'Begin with a capital letter, then up to nine capitals or digits.' : fields['prefix']}>
        {(c) => <Input {...c} mono maxLength={10} value={prefix} onChange={(e) => setPrefix(e.target.value.toUpperCase())} />}
      </Field>
      <Field label="Place" hint={placeOf(place)?.about} error={fields['place']}>
        {(c) => <Select {...c} value={place} options={places} onChange={setPlace} />}
      </Field>
      {create.error && (
        <Banner tone="danger" live>
          {sentence(create.error)}
        </Banner>
      )}
    </Dialog>
  );
}
