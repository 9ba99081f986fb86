import { type InfiniteData, type QueryClient, useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { sentence } from '../api/problem';
import { changeTicket, deleteTicket, restoreTicket, type TicketChange } from '../api/tickets';
import type { Page, Ticket } from '../api/types';
import { announce } from '../ui/LiveRegion';
import { toast } from '../ui/toast';

type Lists = InfiniteData<Page<Ticket>>;
const lists = { queryKey: ['tickets', 'list'] };

function everywhere(queryClient: QueryClient, change: (items: Ticket[]) => Ticket[]) {
  queryClient.setQueriesData<Lists>(lists, (data) => data && { ...data, pages: data.pages.map((p) => ({ ...p, items: change(p.items) })) });
}

const reread = (queryClient: QueryClient) => Promise.all([queryClient.invalidateQueries(lists), queryClient.invalidateQueries({ queryKey: ['tickets', 'waiting'] })]);

/** Changes tickets from a list: shown at once, put back with the reason if the server refuses. */
export function useChangeTickets() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ keys, change }: { keys: readonly string[]; change: TicketChange }) => Promise.all(keys.map((key) => changeTicket(key, change))),
    onMutate: ({ keys, change }) => everywhere(queryClient, (items) => items.map((t) => (keys.includes(t.key) ? { ...t, status: change.status ?? t.status } : t))),
    onSuccess: (_, { keys, change }) => announce(`${keys.join(', ')}: ${change.status === 'closed' ? 'closed' : 'status changed'}`),
    onError: (error, { keys }) => toast(`${keys.length === 1 ? keys[0] : 'Some tickets'} not changed. ${sentence(error)}`, { tone: 'danger' }),
    onSettled: () => reread(queryClient),
  });
}

/** Deletes tickets with an undo: the rows leave at once, and come back on request or if the server refuses. */
export function useDeleteTickets() {
  const queryClient = useQueryClient();
  const last = useRef<(() => void) | null>(null);

  const remove = (tickets: readonly Ticket[]) => {
    const keys = tickets.map((t) => t.key);
    everywhere(queryClient, (items) => items.filter((t) => !keys.includes(t.key)));
    const name = keys.length === 1 ? keys[0] : `${keys.length} tickets`;
    const done = Promise.allSettled(keys.map((key) => deleteTicket(key)));
    let undone = false;
    const undo = async () => {
      if (undone) return;
      undone = true;
      last.current = null;
      const results = await done;
      const gone = keys.filter((_, i) => results[i]?.status === 'fulfilled');
      const back = await Promise.allSettled(gone.map((key) => restoreTicket(key)));
      const failed = back.find((r) => r.status === 'rejected');
      if (failed) toast(`Not restored. ${sentence(failed.reason)}`, { tone: 'danger' });
      else announce(`${name} restored`);
      await reread(queryClient);
    };
    last.current = () => void undo();
    toast(`${name} deleted`, { action: { label: 'Undo', run: () => void undo() } });
    void done.then((results) => {
      const failed = results.find((r) => r.status === 'rejected');
      if (!failed) return;
      toast(`${name} not deleted. ${sentence(failed.reason)}`, { tone: 'danger' });
      void reread(queryClient);
    });
  };

  return { remove, undoLast: () => last.current?.() };
}
