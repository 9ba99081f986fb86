import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { useEventStream } from '../api/live';
import { meQuery } from '../api/me';
import { Problem, sentence } from '../api/problem';
import { ticketQuery } from '../api/tickets';
import { NotFound } from '../app/Fallback';
import { PageTitle } from '../app/PageTitle';
import { Loading, Skeleton } from '../ui/Skeleton';
import { ErrorState } from '../ui/States';
import { decide, timelinePage } from './api';
import { CanvasStore } from './CanvasStore';
import { HeadContext, type Here, HereContext, useCanvas } from './context';
import { type Head, headOf, withEvents } from './head';
import { Layout } from './Layout';

/** The Canvas of one ticket. Another ticket is another Canvas: nothing is carried over. */
export function TicketPage() {
  const { key } = useParams({ from: '/app/tickets/$key' });
  return <OneTicket key={key} ticket={key} />;
}

function OneTicket({ ticket: key }: { ticket: string }) {
  const stream = useEventStream();
  const me = useQuery(meQuery);
  const ticket = useQuery(ticketQuery(key));
  const my = me.data?.user.id ?? '';
  const store = useMemo(() => new CanvasStore(key, { stream, fetchPage: timelinePage, decide, me: my }), [key, stream, my]);
  useEffect(() => store.start(), [store]);

  const waits = ticket.data?.activity === 'waiting_for_you';
  useEffect(() => {
    if (!waits) return;
    const look = () => {
      if (store.get().first !== 'ready') return;
      stop();
      void store.findWaiting();
    };
    const stop = store.subscribe(look);
    look();
    return stop;
  }, [waits, store]);

  const admin = me.data?.user.admin ?? false;
  const adminTerminal = me.data?.features.admin_terminal ?? false;
  const here = useMemo<Here>(() => ({ store, me: { id: my, admin }, adminTerminal }), [store, my, admin, adminTerminal]);
  const head = useMemo(() => ticket.data && headOf(ticket.data), [ticket.data]);

  if (ticket.isError && !head) {
    if (ticket.error instanceof Problem && ticket.error.status === 404) return <NotFound />;
    return (
      <div className="flex h-full flex-col justify-center">
        <PageTitle className="sr-only">{key}</PageTitle>
        <ErrorState title={`${key} was not loaded.`} detail={sentence(ticket.error)} requestId={ticket.error instanceof Problem ? ticket.error.requestId : undefined} onRetry={() => void ticket.refetch()} />
      </div>
    );
  }
  if (!head || !me.data) {
    return (
      <Loading label="the ticket">
        <div className="flex h-13 items-center gap-3 border-b border-line px-4">
          <Skeleton className="w-16" />
          <Skeleton className="w-64" />
        </div>
      </Loading>
    );
  }
  return (
    <HereContext value={here}>
      <WithHead read={head}>
        <Layout />
      </WithHead>
    </HereContext>
  );
}

/** The head as the log has changed it since it was read. */
function WithHead({ read, children }: { read: Head; children: React.ReactNode }) {
  const events = useCanvas((c) => c.canvas.events);
  const now = useMemo(() => withEvents(read, events), [read, events]);
  return <HeadContext value={now}>{children}</HeadContext>;
}
