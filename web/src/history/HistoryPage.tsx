import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { meQuery } from '../api/me';
import { Problem, sentence } from '../api/problem';
import { ticketsQuery } from '../api/tickets';
import { Page } from '../app/Page';
import { Button, buttonClass } from '../ui/Button';
import { Loading, Skeleton } from '../ui/Skeleton';
import { EmptyState, ErrorState } from '../ui/States';
import { FilterBar } from './FilterBar';
import { TicketList } from './TicketList';

/** All tickets within reach, the one changed last first. */
export function HistoryPage() {
  const search = useSearch({ from: '/app/history' });
  const me = useQuery(meQuery);
  const list = useInfiniteQuery(ticketsQuery(search));
  const tickets = list.data?.pages.flatMap((p) => p.items) ?? [];
  const filtered = Boolean(search.q || search.status || search.tenant || search.waiting);

  const body = () => {
    if (list.isPending) return <Rows />;
    if (list.isError && tickets.length === 0) {
      return (
        <ErrorState
          title="The tickets were not loaded."
          detail={sentence(list.error)}
          requestId={list.error instanceof Problem ? list.error.requestId : undefined}
          onRetry={() => void list.refetch()}
        />
      );
    }
    if (tickets.length === 0 && filtered) {
      return (
        <EmptyState
          action={
            <Link to="/history" className={buttonClass()}>
              Show all tickets
            </Link>
          }
        >
          {search.waiting && !search.q ? 'Nothing waits for you.' : 'No ticket matches.'}
        </EmptyState>
      );
    }
    if (tickets.length === 0) {
      return (
        <EmptyState
          action={
            <Link to="/new" className={buttonClass('primary')}>
              New ticket
            </Link>
          }
        >
          No tickets yet. Open one, and it stays here with everything that happened in it.
        </EmptyState>
      );
    }
    return (
      <>
        <TicketList tickets={tickets} />
        {list.hasNextPage && <More busy={list.isFetchingNextPage} failed={list.isFetchNextPageError ? sentence(list.error) : null} onMore={() => void list.fetchNextPage()} />}
      </>
    );
  };

  return (
    <Page
      title="History"
      width="full"
      actions={
        <Link to="/new" className={buttonClass('primary')}>
          <Plus size={16} aria-hidden /> New ticket
        </Link>
      }
    >
      <FilterBar search={search} tenants={me.data?.tenants ?? []} />
      <div className="-mt-2">{body()}</div>
    </Page>
  );
}

/** Loads on when it comes into view; the button is there for when it does not. */
function More({ busy, failed, onMore }: { busy: boolean; failed: string | null; onMore: () => void }) {
  const ref = useRef<HTMLDivElement>(null);
  const latest = useRef(onMore);
  useEffect(() => {
    latest.current = onMore;
  });
  useEffect(() => {
    const el = ref.current;
    if (!el || busy || failed || !('IntersectionObserver' in window)) return;
    const observer = new IntersectionObserver((seen) => seen.some((s) => s.isIntersecting) && latest.current(), { rootMargin: '400px' });
    observer.observe(el);
    return () => observer.disconnect();
  }, [busy, failed]);
  return (
    <div ref={ref} className="flex flex-col items-center gap-2 py-6">
      {failed && <p className="text-control text-danger">The next tickets were not loaded. {failed}</p>}
      <Button busy={busy} onClick={onMore}>
        {failed ? 'Try again' : 'Load more'}
      </Button>
    </div>
  );
}

const placeholders = ['w-72', 'w-56', 'w-80', 'w-64', 'w-60', 'w-76', 'w-48', 'w-68'];

function Rows() {
  return (
    <Loading label="tickets">
      {placeholders.map((width) => (
        <div key={width} className="flex h-row items-center gap-4 border-b border-line px-2">
          <Skeleton className="w-16" />
          <Skeleton className={width} />
          <Skeleton className="ml-auto w-16" />
        </div>
      ))}
    </Loading>
  );
}
