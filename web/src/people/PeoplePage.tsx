import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Ellipsis, Link as LinkIcon, UserPlus, UserRoundCheck, UserRoundX, ShieldCheck, ShieldOff } from 'lucide-react';
import { useState } from 'react';
import { meQuery } from '../api/me';
import { Problem, sentence } from '../api/problem';
import { changePerson, newLink, peopleQuery } from '../api/people';
import { tenantsQuery } from '../api/tenants';
import type { Invitation, Person, Tenant } from '../api/types';
import { Page } from '../app/Page';
import { Button, IconButton } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { AlertDialog } from '../ui/Dialog';
import { Menu, MenuItem, MenuSeparator } from '../ui/Menu';
import { RelativeTime } from '../ui/RelativeTime';
import { Loading, Skeleton } from '../ui/Skeleton';
import { ErrorState } from '../ui/States';
import { toast } from '../ui/toast';
import { InviteDialog } from './InviteDialog';
import { SecretOnce } from './SecretOnce';

export function PeoplePage() {
  const people = useQuery(peopleQuery);
  const tenants = useQuery(tenantsQuery);
  const me = useQuery(meQuery);
  const [inviting, setInviting] = useState(false);
  const [link, setLink] = useState<Invitation | null>(null);
  return (
    <Page
      title="People"
      description="Who may come in, and to which tenants they belong."
      actions={
        <Button tone="primary" icon={<UserPlus size={16} aria-hidden />} onClick={() => setInviting(true)}>
          Invite
        </Button>
      }
    >
      {people.isError ? (
        <ErrorState title="The people were not loaded." detail={sentence(people.error)} requestId={people.error instanceof Problem ? people.error.requestId : undefined} onRetry={() => void people.refetch()} />
      ) : people.isPending ? (
        <Loading label="people">
          <div className="flex flex-col gap-3 border-y border-line px-2 py-4">
            <Skeleton className="w-40" />
            <Skeleton className="w-64" />
          </div>
        </Loading>
      ) : (
        <ul className="divide-y divide-line border-y border-line">
          {people.data.items.map((p) => (
            <Row key={p.id} person={p} tenants={tenants.data?.items ?? []} self={p.id === me.data?.user.id} onLink={setLink} />
          ))}
        </ul>
      )}
      {inviting && (
        <InviteDialog
          tenants={tenants.data?.items ?? []}
          onClose={() => setInviting(false)}
          onInvited={(made) => {
            setInviting(false);
            setLink(made);
          }}
        />
      )}
      {link && (
        <SecretOnce
          title={`A link for ${link.email}`}
          label="Link"
          secret={link.link}
          note={
            <>
              Send it to them yourself. It works once, until <time dateTime={link.expires_at}>{new Date(link.expires_at).toLocaleString()}</time>.
            </>
          }
          onClose={() => setLink(null)}
        />
      )}
    </Page>
  );
}

function Row({ person: p, tenants, self, onLink }: { person: Person; tenants: readonly Tenant[]; self: boolean; onLink: (made: Invitation) => void }) {
  const queryClient = useQueryClient();
  const [asking, setAsking] = useState(false);
  const name = p.name || p.email;
  const failed = (error: unknown) => toast(`${name} was not changed. ${sentence(error)}`, { tone: 'danger' });
  const change = useMutation({
    mutationFn: (to: Parameters<typeof changePerson>[1]) => changePerson(p.id, to),
    onSuccess: () => {
      setAsking(false);
      return queryClient.invalidateQueries({ queryKey: ['people'] });
    },
    onError: failed,
  });
  const link = useMutation({ mutationFn: () => newLink(p.id), onSuccess: onLink, onError: (error) => toast(`No link was made. ${sentence(error)}`, { tone: 'danger' }) });
  const belongs = tenants.filter((t) => p.tenants.includes(t.id)).map((t) => t.name);
  return (
    <li className="flex items-center gap-3 px-2 py-2.5">
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className={p.disabled ? 'font-medium text-ink-3' : 'font-medium'}>{name}</span>
          {self && <span className="text-meta text-ink-3">You</span>}
          {p.admin && <Chip tone="accent">Platform admin</Chip>}
          {p.pending && !p.disabled && <Chip tone="warn">Invited</Chip>}
          {p.disabled && <Chip tone="danger">Disabled</Chip>}
        </p>
        <p className="text-control text-ink-3">
          {p.name && `${p.email} · `}
          {belongs.length > 0 ? belongs.join(', ') : p.admin ? 'All tenants' : 'No tenant'}
          <span className="max-wide:hidden">
            {' '}
            · since <RelativeTime at={p.created_at} />
          </span>
        </p>
      </div>
      <Menu align="end" trigger={<IconButton name={`Actions for ${name}`} icon={<Ellipsis size={16} aria-hidden />} busy={change.isPending || link.isPending} />}>
        <MenuItem icon={<LinkIcon size={16} aria-hidden />} disabledReason={p.disabled && 'Let them in again first.'} onSelect={() => link.mutate()}>
          {p.pending ? 'New invitation link' : 'New sign-in link'}
        </MenuItem>
        {p.admin ? (
          <MenuItem icon={<ShieldOff size={16} aria-hidden />} disabledReason={self && 'Another admin must do this.'} onSelect={() => change.mutate({ admin: false })}>
            Make an ordinary member
          </MenuItem>
        ) : (
          <MenuItem icon={<ShieldCheck size={16} aria-hidden />} onSelect={() => change.mutate({ admin: true })}>
            Make a platform admin
          </MenuItem>
        )}
        <MenuSeparator />
        {p.disabled ? (
          <MenuItem icon={<UserRoundCheck size={16} aria-hidden />} onSelect={() => change.mutate({ disabled: false })}>
            Let in again
          </MenuItem>
        ) : (
          <MenuItem icon={<UserRoundX size={16} aria-hidden />} tone="danger" disabledReason={self && 'You cannot lock yourself out.'} onSelect={() => setAsking(true)}>
            {p.pending ? 'Revoke invitation' : 'Disable'}
          </MenuItem>
        )}
      </Menu>
      <AlertDialog
        open={asking}
        onClose={() => setAsking(false)}
        title={p.pending ? `Revoke the invitation of ${name}?` : `Disable ${name}?`}
        description={p.pending ? 'The link no longer works. You can let them in again later.' : 'They are signed out at once, their API tokens stop working, and what they did stays in the record. You can let them in again later.'}
        confirm={p.pending ? 'Revoke invitation' : 'Disable'}
        busy={change.isPending}
        onConfirm={() => change.mutate({ disabled: true })}
      />
    </li>
  );
}
