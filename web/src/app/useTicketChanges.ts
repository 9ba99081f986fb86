import { type InfiniteData, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useEventStream } from '../api/live';
import type { Page, Ticket, TicketChanged } from '../api/types';

/** How soon a list is read again that cannot be mended in place. */
const rereadAfterMs = 1_000;

/** Keeps every list of tickets up to date while the page is open. */
export function useTicketChanges() {
  const stream = useEventStream();
  const queryClient = useQueryClient();
  useEffect(() => {
    let timer = 0;
    const reread = () => {
      if (timer !== 0) return;
      timer = window.setTimeout(() => {
        timer = 0;
        void queryClient.invalidateQueries({ queryKey: ['tickets', 'waiting'] });
        void queryClient.invalidateQueries({ queryKey: ['tickets', 'list'] });
      }, rereadAfterMs);
    };
    const stop = stream.watchList({
      onChanged: (ticket) => {
        if (!mend(queryClient, ticket)) reread();
      },
      onFresh: reread,
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [stream, queryClient]);
}

/**
 * Puts a change into the lists that show the ticket. Rows keep their place, so that nothing moves under the pointer.
 * Answers false where a list must be read again: the ticket is new to it.
 */
export function mend(queryClient: QueryClient, change: TicketChanged): boolean {
  let known = false;
  const patch = (t: Ticket): Ticket => {
    if (t.key !== change.key) return t;
    known = true;
    return change.seq < t.seq ? t : { ...t, seq: change.seq, title: change.title, status: change.status, activity: change.activity, changed_at: change.changed_at };
  };
  const patchAll = (items: Ticket[]) => {
    if (change.deleted) {
      const left = items.filter((t) => t.key !== change.key);
      known ||= left.length < items.length;
      return left;
    }
    return items.map(patch);
  };
  queryClient.setQueriesData<InfiniteData<Page<Ticket>>>({ queryKey: ['tickets', 'list'] }, (data) => data && { ...data, pages: data.pages.map((p) => ({ ...p, items: patchAll(p.items) })) });
  const inLists = known;
  known = false;
  queryClient.setQueriesData<Page<Ticket>>({ queryKey: ['tickets', 'waiting'] }, (data) => data && { ...data, items: patchAll(data.items).filter((t) => t.activity === 'waiting_for_you') });
  const waits = change.activity === 'waiting_for_you' && change.status !== 'closed' && !change.deleted;
  return (inLists || change.deleted === true || queryClient.getQueriesData({ queryKey: ['tickets', 'list'] }).length === 0) && (known || !waits);
}
