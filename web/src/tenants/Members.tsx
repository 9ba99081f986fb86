import { useQuery } from '@tanstack/react-query';
import { UserPlus, X } from 'lucide-react';
import { sentence } from '../api/problem';
import { peopleQuery } from '../api/people';
import type { Tenant } from '../api/types';
import { Banner } from '../ui/Banner';
import { Button, IconButton } from '../ui/Button';
import { Combobox } from '../ui/Combobox';
import { Section } from './Section';
import { useChangeTenant } from './useChangeTenant';

/** Who belongs to the tenant. Platform admins may enter every tenant and need not be members. */
export function Members({ tenant }: { tenant: Tenant }) {
  const people = useQuery(peopleQuery);
  const save = useChangeTenant(tenant, 'Members changed');
  const ids = tenant.members.map((m) => m.id);
  const others = people.data?.items.filter((p) => !ids.includes(p.id) && !p.disabled) ?? [];
  return (
    <Section title="Members" about="They see and work on the tenant's tickets. Platform admins may do so everywhere.">
      {tenant.members.length > 0 && (
        <ul className="divide-y divide-line border-y border-line">
          {tenant.members.map((m) => (
            <li key={m.id} className="flex min-h-row items-center gap-3 px-2 text-control">
              <span className="min-w-0 flex-1">
                <span className="font-medium">{m.name || m.email}</span> {m.name && <span className="text-ink-3">{m.email}</span>}
              </span>
              <IconButton name={`Remove ${m.name || m.email}`} icon={<X size={16} aria-hidden />} size="small" busy={save.isPending} onClick={() => save.mutate({ members: ids.filter((id) => id !== m.id) })} />
            </li>
          ))}
        </ul>
      )}
      {save.error && (
        <Banner tone="danger" live>
          The members were not changed. {sentence(save.error)}
        </Banner>
      )}
      <div>
        <Combobox
          label="Add a member"
          placeholder="Name or email"
          items={others.map((p) => ({ value: p.id, label: p.name || p.email, note: p.name ? p.email : 'invited', keywords: [p.email] }))}
          onSelect={(id) => save.mutate({ members: [...ids, id] })}
          empty={people.isError ? 'The people were not loaded. Close this and try again.' : people.isPending ? 'Loading…' : 'Nobody else is there. Invite people first.'}
          trigger={
            <Button icon={<UserPlus size={16} aria-hidden />} busy={save.isPending}>
              Add a member
            </Button>
          }
        />
      </div>
    </Section>
  );
}
