import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { Problem, sentence } from '../api/problem';
import { type TenantChange, tenantsQuery } from '../api/tenants';
import type { Tenant } from '../api/types';
import { NotFound } from '../app/Fallback';
import { Page } from '../app/Page';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Input } from '../ui/Input';
import { Select } from '../ui/Select';
import { Loading, Skeleton } from '../ui/Skeleton';
import { ErrorState } from '../ui/States';
import { Members } from './Members';
import { Outbound } from './Outbound';
import { placeOf, places, prefixPattern } from './places';
import { useChangeTenant } from './useChangeTenant';
import { Variables } from './Variables';

export function TenantPage() {
  const { id } = useParams({ from: '/app/admin/tenants/$id' });
  const tenants = useQuery(tenantsQuery);
  if (tenants.isError) return <ErrorState title="The tenant was not loaded." detail={sentence(tenants.error)} requestId={tenants.error instanceof Problem ? tenants.error.requestId : undefined} onRetry={() => void tenants.refetch()} />;
  if (tenants.isPending) {
    return (
      <Loading label="the tenant">
        <div className="flex flex-col gap-4 px-8 py-9">
          <Skeleton className="h-5 w-48" />
          <Skeleton className="w-80" />
        </div>
      </Loading>
    );
  }
  const tenant = tenants.data.items.find((t) => t.id === id);
  if (!tenant) return <NotFound />;
  return (
    <Page
      title={tenant.name}
      width="narrow"
      description={
        <>
          <Link to="/admin/tenants" className="text-accent underline">
            Tenants
          </Link>
          {' · '}
          <span className="font-mono text-meta">{tenant.key}</span>
        </>
      }
    >
      <Settings key={tenant.id} tenant={tenant} />
      <Members tenant={tenant} />
      <Variables tenant={tenant} />
      {tenant.place === 'sandbox' && <Outbound key={tenant.outbound?.join(' ')} tenant={tenant} />}
    </Page>
  );
}

function Settings({ tenant }: { tenant: Tenant }) {
  const [name, setName] = useState(tenant.name);
  const [prefix, setPrefix] = useState(tenant.prefix);
  const [place, setPlace] = useState(tenant.place);
  const save = useChangeTenant(tenant, 'Saved');
  const fixed = tenant.tickets > 0;
  const change: TenantChange = {
    ...(name.trim() !== tenant.name && { name: name.trim() }),
    ...(prefix !== tenant.prefix && { prefix }),
    ...(place !== tenant.place && { place }),
  };
  const dirty = Object.keys(change).length > 0;
  const faults = { name: name.trim() === '' ? 'Give it a name.' : null, prefix: prefixPattern.test(prefix) ? null : 'Begin with a capital letter, then up to nine capitals or digits.' };
  const fields = save.error instanceof Problem ? save.error.fields : {};
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(e) => {
        e.preventDefault();
        if (dirty && !faults.name && !faults.prefix && !save.isPending) save.mutate(change);
      }}
    >
      <Field label="Name" error={faults.name ?? fields['name']}>
        {(c) => <Input {...c} value={name} onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Field label="Prefix of ticket keys" hint={fixed ? `Fixed: ${tenant.tickets === 1 ? 'one ticket has' : `${tenant.tickets} tickets have`} it in the key.` : "Fixed by the tenant's first ticket."} error={faults.prefix ?? fields['prefix']}>
        {(c) => <Input {...c} mono maxLength={10} readOnly={fixed} value={prefix} onChange={(e) => setPrefix(e.target.value.toUpperCase())} />}
      </Field>
      <Field label="Place" hint={placeOf(place)?.about} error={fields['place']}>
        {(c) => <Select {...c} value={place} options={places} onChange={setPlace} />}
      </Field>
      {save.error && (
        <Banner tone="danger" live>
          {sentence(save.error)}
        </Banner>
      )}
      <div className="flex items-center gap-3">
        <Button tone="primary" type="submit" busy={save.isPending} disabledReason={!dirty && 'Nothing was changed.'}>
          Save
        </Button>
        {dirty && <span className="text-meta text-ink-3">Unsaved changes</span>}
      </div>
    </form>
  );
}
