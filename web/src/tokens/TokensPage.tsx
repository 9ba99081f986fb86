import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useRef, useState } from 'react';
import { Problem, sentence } from '../api/problem';
import { createToken, revokeToken, tokensQuery } from '../api/people';
import type { NewToken, Token } from '../api/types';
import { Page } from '../app/Page';
import { SecretOnce } from '../people/SecretOnce';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { AlertDialog, Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Input } from '../ui/Input';
import { RelativeTime } from '../ui/RelativeTime';
import { Loading, Skeleton } from '../ui/Skeleton';
import { EmptyState, ErrorState } from '../ui/States';
import { Sessions } from './Sessions';

/** The person's own keys to the API, and the browsers they are signed in with. */
export function TokensPage() {
  const tokens = useQuery(tokensQuery);
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<NewToken | null>(null);
  const add = (
    <Button tone="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setCreating(true)}>
      New token
    </Button>
  );
  return (
    <Page
      title="API tokens"
      width="narrow"
      description={
        <>
          A token may do what you may do. The API is described at{' '}
          <a href="/api/v1/docs" className="text-accent underline">
            /api/v1/docs
          </a>
          .
        </>
      }
      actions={tokens.data?.items.length === 0 ? undefined : add}
    >
      {tokens.isError ? (
        <ErrorState title="The tokens were not loaded." detail={sentence(tokens.error)} requestId={tokens.error instanceof Problem ? tokens.error.requestId : undefined} onRetry={() => void tokens.refetch()} />
      ) : tokens.isPending ? (
        <Loading label="tokens">
          <div className="border-y border-line px-2 py-4">
            <Skeleton className="w-56" />
          </div>
        </Loading>
      ) : tokens.data.items.length === 0 ? (
        <EmptyState action={add}>You have no API token. Programs sign in with one.</EmptyState>
      ) : (
        <ul className="divide-y divide-line border-y border-line">
          {tokens.data.items.map((t) => (
            <Row key={t.id} token={t} />
          ))}
        </ul>
      )}
      <Sessions />
      {creating && (
        <CreateDialog
          onClose={() => setCreating(false)}
          onMade={(token) => {
            setCreating(false);
            setMade(token);
          }}
        />
      )}
      {made && <SecretOnce title={`Token ${made.name}`} label="Token" secret={made.token} note="Send it as Authorization: Bearer …" onClose={() => setMade(null)} />}
    </Page>
  );
}

function Row({ token: t }: { token: Token }) {
  const queryClient = useQueryClient();
  const [asking, setAsking] = useState(false);
  const revoke = useMutation({
    mutationFn: () => revokeToken(t.id),
    onSuccess: () => {
      setAsking(false);
      return queryClient.invalidateQueries({ queryKey: ['tokens'] });
    },
  });
  return (
    <li className="flex items-center gap-3 px-2 py-2.5">
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium">{t.name}</p>
        <p className="text-control text-ink-3">
          Made <RelativeTime at={t.created_at} /> · {t.last_used_at ? <>last used <RelativeTime at={t.last_used_at} /></> : 'never used'}
        </p>
      </div>
      <Button tone="danger" size="small" aria-label={`Revoke ${t.name}`} onClick={() => setAsking(true)}>
        Revoke
      </Button>
      <AlertDialog
        open={asking}
        onClose={() => setAsking(false)}
        title={`Revoke ${t.name}?`}
        description={
          <>
            Programs that use it are refused from now on. This cannot be undone.
            {revoke.error && <Banner tone="danger" live className="mt-2">{sentence(revoke.error)}</Banner>}
          </>
        }
        typed={t.name.trim()}
        confirm="Revoke token"
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate()}
      />
    </li>
  );
}

function CreateDialog({ onClose, onMade }: { onClose: () => void; onMade: (token: NewToken) => void }) {
  const queryClient = useQueryClient();
  const [name, setName] = useState('');
  const [tried, setTried] = useState(false);
  const key = useRef(crypto.randomUUID());
  const create = useMutation({
    mutationFn: () => createToken({ name: name.trim() }, key.current),
    onSuccess: async (token) => {
      await queryClient.invalidateQueries({ queryKey: ['tokens'] });
      onMade(token);
    },
    onError: () => (key.current = crypto.randomUUID()),
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title="New API token"
      onSubmit={() => {
        setTried(true);
        if (name.trim() && !create.isPending) create.mutate();
      }}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" type="submit" busy={create.isPending}>
            Create token
          </Button>
        </>
      }
    >
      <Field label="Name" hint="What it is for, so that you know which one to revoke." error={tried && !name.trim() ? 'Give it a name.' : null}>
        {(c) => <Input {...c} autoFocus autoComplete="off" value={name} onChange={(e) => setName(e.target.value)} placeholder="Nightly report" />}
      </Field>
      {create.error && (
        <Banner tone="danger" live>
          {sentence(create.error)}
        </Banner>
      )}
    </Dialog>
  );
}
