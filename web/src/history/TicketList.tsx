import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useCallback, useLayoutEffect, useRef, useState } from 'react';
import type { Ticket, TicketStatus } from '../api/types';
import { useShortcuts } from '../app/shortcuts';
import { Button } from '../ui/Button';
import { cx } from '../ui/cx';
import { Menu, MenuItem } from '../ui/Menu';
import { useChangeTickets, useDeleteTickets } from './changes';
import { CloseDialog } from './CloseDialog';
import { neighbour } from './neighbour';
import { columns, TicketRow } from './TicketRow';
import { statusOptions } from './TicketState';

/** The rows, with what can be done to one or to several of them by mouse and by keyboard. */
export function TicketList({ tickets }: { tickets: readonly Ticket[] }) {
  const navigate = useNavigate();
  const list = useRef<HTMLUListElement>(null);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [statusOf, setStatusOf] = useState<string | null>(null);
  const [closing, setClosing] = useState<readonly string[]>([]);
  const change = useChangeTickets();
  const { remove, undoLast } = useDeleteTickets();
  const chosen = tickets.filter((t) => selected.has(t.key));

  const focused = () => document.activeElement?.closest<HTMLElement>('li[data-key]')?.dataset['key'];
  const focus = (key: string | undefined) => {
    if (key === undefined) return;
    const row = list.current?.querySelector<HTMLElement>(`li[data-key="${CSS.escape(key)}"] [data-row-link]`);
    row?.focus();
    row?.scrollIntoView({ block: 'nearest' });
  };
  const step = (by: 1 | -1) => focus(neighbour(tickets, focused(), by)?.key);

  const select = useCallback((key: string, on: boolean) => {
    setSelected((before) => {
      const next = new Set(before);
      if (on) next.add(key);
      else next.delete(key);
      return next;
    });
  }, []);
  const setStatus = (keys: readonly string[], status: TicketStatus) => {
    if (status === 'closed') setClosing(keys);
    else change.mutate({ keys, change: { status } });
  };
  const erase = (which: readonly Ticket[]) => {
    if (which.length === 0) return;
    const keys = new Set(which.map((t) => t.key));
    const at = tickets.findIndex((t) => keys.has(t.key));
    const next = tickets.slice(at).find((t) => !keys.has(t.key)) ?? tickets.slice(0, at).at(-1);
    remove(which);
    setSelected(new Set());
    // After the row is gone; the menu that asked for it would take the focus back otherwise.
    window.setTimeout(() => (next ? focus(next.key) : document.querySelector<HTMLElement>('h1')?.focus()), 0);
  };
  const target = () => (chosen.length > 0 ? chosen : tickets.filter((t) => t.key === focused()));

  useShortcuts([
    { keys: 'j', run: () => step(1) },
    { keys: 'k', run: () => step(-1) },
    {
      keys: 's',
      run: () => {
        const key = focused();
        if (key) setStatusOf(key);
      },
    },
    {
      keys: 'x',
      run: () => {
        const key = focused();
        if (key) select(key, !selected.has(key));
      },
    },
    { keys: 'Delete', run: () => erase(target()) },
    { keys: 'Ctrl+Z', run: () => undoLast() },
    { keys: 'Escape', run: () => setSelected(new Set()) },
    {
      keys: 'Enter',
      run: () => {
        const key = focused();
        if (key && document.activeElement?.matches('[data-row-link]')) void navigate({ to: '/tickets/$key', params: { key } });
      },
    },
  ]);

  const onArrow = (e: KeyboardEvent) => {
    if (!(e.target instanceof HTMLElement) || !e.target.matches('[data-row-link]')) return;
    if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return;
    e.preventDefault();
    step(e.key === 'ArrowDown' ? 1 : -1);
  };
  const onStatus = useCallbackRef((key: string, status: TicketStatus) => setStatus([key], status));
  const onDelete = useCallbackRef((ticket: Ticket) => erase([ticket]));

  return (
    <>
      <div aria-hidden className={cx('hidden h-8 items-center gap-x-3 border-b border-line px-2 text-meta text-ink-3 wide:grid', columns)}>
        <span />
        <span>Ticket</span>
        <span>Title</span>
        <span />
        <span className="pl-1">Status</span>
        <span className="max-full:hidden">Agent</span>
        <span>Tenant</span>
        <span className="text-right">Changed</span>
        <span />
      </div>
      <ul ref={list} aria-label="Tickets" onKeyDown={onArrow} className="max-wide:border-t max-wide:border-line">
        {tickets.map((ticket) => (
          <TicketRow
            key={ticket.key}
            ticket={ticket}
            selected={selected.has(ticket.key)}
            selecting={chosen.length > 0}
            statusOpen={statusOf === ticket.key}
            onStatusOpen={(open) => setStatusOf(open ? ticket.key : null)}
            onSelect={select}
            onStatus={onStatus}
            onDelete={onDelete}
          />
        ))}
      </ul>
      {chosen.length > 0 && (
        <div role="toolbar" aria-label="Selected tickets" className="sticky bottom-4 z-10 mx-auto mt-4 flex w-fit max-w-full flex-wrap items-center gap-2 rounded-card border border-line bg-surface px-3 py-2 text-control shadow-layer">
          <span className="num mr-2" role="status">
            {chosen.length} selected
          </span>
          <Menu trigger={<Button size="small">Set status</Button>}>
            {statusOptions.map((o) => (
              <MenuItem key={o.value} onSelect={() => setStatus(chosen.map((t) => t.key), o.value)}>
                {o.label}
              </MenuItem>
            ))}
          </Menu>
          <Button size="small" tone="danger" onClick={() => erase(chosen)}>
            Delete
          </Button>
          <Button size="small" tone="quiet" keys="Esc" onClick={() => setSelected(new Set())}>
            Clear
          </Button>
        </div>
      )}
      <CloseDialog
        keys={closing}
        onClose={() => setClosing([])}
        onAnswer={(solved) => {
          change.mutate({ keys: closing, change: { status: 'closed', solved } });
          setClosing([]);
        }}
      />
    </>
  );
}

/** A function that stays the same while what it does is always the newest. */
function useCallbackRef<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  const latest = useRef(fn);
  useLayoutEffect(() => {
    latest.current = fn;
  });
  return useCallback((...args: A) => latest.current(...args), []);
}
