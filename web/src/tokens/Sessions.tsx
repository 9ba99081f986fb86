import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { endSession, sessionsQuery } from '../api/me';
import { sentence } from '../api/problem';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { RelativeTime } from '../ui/RelativeTime';
import { toast } from '../ui/toast';
import { browserName } from './browserName';

/** Where the person is signed in; each can be ended from here. */
export function Sessions() {
  const queryClient = useQueryClient();
  const sessions = useQuery(sessionsQuery);
  const end = useMutation({
    mutationFn: endSession,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['sessions'] }),
    onError: (error) => toast(`Not signed out. ${sentence(error)}`, { tone: 'danger' }),
  });
  if (!sessions.data || sessions.data.items.length === 0) return null;
  return (
    <section className="mt-4">
      <h2 className="text-title font-semibold">Where you are signed in</h2>
      <ul className="mt-3 divide-y divide-line border-y border-line">
        {sessions.data.items.map((s) => (
          <li key={s.id} className="flex items-center gap-3 px-2 py-2.5">
            <div className="min-w-0 flex-1">
              <p className="flex flex-wrap items-center gap-2 font-medium" title={s.client}>
                {browserName(s.client)} {s.current && <Chip tone="ok">This browser</Chip>}
              </p>
              <p className="text-control text-ink-3">
                Since <RelativeTime at={s.created_at} /> · last seen <RelativeTime at={s.seen_at} />
              </p>
            </div>
            {!s.current && (
              <Button size="small" aria-label={`Sign out ${browserName(s.client)}`} busy={end.isPending && end.variables === s.id} onClick={() => end.mutate(s.id)}>
                Sign out
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
