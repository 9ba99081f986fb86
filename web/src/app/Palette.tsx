import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Command } from 'cmdk';
import { Bot, Building2, Clock, KeyRound, Keyboard, MoonStar, Search, SquarePen, Sun, SunMoon, Users } from 'lucide-react';
import { type ReactNode, useDeferredValue, useEffect, useRef, useState } from 'react';
import { meQuery } from '../api/me';
import { findTicketsQuery } from '../api/tickets';
import { TicketState } from '../history/TicketState';
import { Kbd } from '../ui/Kbd';
import { setTheme } from './theme';

/** Tickets and actions by name. Everything here has a visible control elsewhere, too. */
export function Palette({ onClose, onShortcuts }: { onClose: () => void; onShortcuts: () => void }) {
  const navigate = useNavigate();
  const dialog = useRef<HTMLDialogElement>(null);
  const [words, setWords] = useState('');
  const [wanted, setWanted] = useState('');
  const query = words.trim();
  const asked = useDeferredValue(query);
  const me = useQuery(meQuery);
  const tickets = useQuery(findTicketsQuery(asked));

  useEffect(() => {
    const opener = document.activeElement;
    const el = dialog.current;
    el?.showModal();
    el?.querySelector('input')?.focus();
    return () => {
      el?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);

  const run = (act: () => void) => () => {
    onClose();
    act();
  };
  const action = (label: string, icon: ReactNode, act: () => void, keys?: string) => ({ label, icon, act, keys });
  const actions = [
    action('New ticket', <SquarePen size={16} aria-hidden />, () => void navigate({ to: '/new' }), 'c'),
    action('Go to History', <Clock size={16} aria-hidden />, () => void navigate({ to: '/history' }), 'g h'),
    action('Go to AI Studio', <Bot size={16} aria-hidden />, () => void navigate({ to: '/studio' }), 'g s'),
    ...(me.data?.user.admin
      ? [
          action('Go to Tenants', <Building2 size={16} aria-hidden />, () => void navigate({ to: '/admin/tenants' }), 'g a'),
          action('Go to People', <Users size={16} aria-hidden />, () => void navigate({ to: '/admin/people' })),
        ]
      : []),
    action('API tokens', <KeyRound size={16} aria-hidden />, () => void navigate({ to: '/tokens' })),
    action('Keyboard shortcuts', <Keyboard size={16} aria-hidden />, onShortcuts, '?'),
    action('Theme: light', <Sun size={16} aria-hidden />, () => setTheme('light')),
    action('Theme: dark', <MoonStar size={16} aria-hidden />, () => setTheme('dark')),
    action('Theme: as the system', <SunMoon size={16} aria-hidden />, () => setTheme('system')),
  ].filter((a) => a.label.toLowerCase().includes(query.toLowerCase()));
  // Until the server has answered, what it said of other words stands only where it has these, too.
  const stale = asked !== query || tickets.isPlaceholderData;
  const has = (text: string) => text.toLowerCase().includes(query.toLowerCase());
  const found = (tickets.data?.items ?? []).filter((t) => !stale || has(t.key) || has(t.title)).slice(0, query ? 8 : 5);

  // What was chosen stays chosen while it is there; else the first, so that Enter always means what is marked.
  // Of what was asked for by words the actions come first: they are there at once, and what comes later does not move them.
  const keys = found.map((t) => t.key);
  const labels = actions.map((a) => a.label);
  const all = query ? [...labels, ...keys] : [...keys, ...labels];
  const chosen = all.includes(wanted) ? wanted : (all[0] ?? '');

  const ticketGroup = found.length > 0 && (
    <Command.Group heading={query ? 'Tickets' : 'Recent tickets'} className={groupClass}>
      {found.map((t) => (
        <Command.Item key={t.key} value={t.key} onSelect={run(() => void navigate({ to: '/tickets/$key', params: { key: t.key } }))} className={itemClass}>
          <span className="num w-20 shrink-0 truncate font-mono text-meta text-ink-3">{t.key}</span>
          <span className="min-w-0 flex-1 truncate">{t.title}</span>
          <TicketState ticket={t} />
        </Command.Item>
      ))}
    </Command.Group>
  );

  return (
    <dialog
      ref={dialog}
      aria-label="Search tickets and actions"
      className="mx-auto mt-[12vh] w-[36rem] max-w-[calc(100vw-1.5rem)] overflow-hidden rounded-card border border-line bg-surface text-ink shadow-layer"
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onClick={(e) => e.target === e.currentTarget && onClose()}
    >
      <Command label="Search tickets and actions" shouldFilter={false} loop value={chosen} onValueChange={setWanted}>
        <div className="flex items-center gap-2 border-b border-line px-3">
          <Search size={16} aria-hidden className="shrink-0 text-ink-3" />
          <Command.Input value={words} onValueChange={(text) => {
              setWords(text);
              setWanted('');
            }} autoFocus placeholder="A ticket's key or words, or an action" className="h-11 min-w-0 flex-1 bg-transparent text-body outline-none pointer-coarse:text-[16px]" />
          <Kbd keys="Esc" className="pointer-coarse:hidden" />
        </div>
        <Command.List className="max-h-[min(24rem,60vh)] scroll-py-1 overflow-y-auto p-1">
          {!query && ticketGroup}
          {actions.length > 0 && (
            <Command.Group heading="Actions" className={groupClass}>
              {actions.map((a) => (
                <Command.Item key={a.label} value={a.label} onSelect={run(a.act)} className={itemClass}>
                  <span className="text-ink-3">{a.icon}</span>
                  <span className="min-w-0 flex-1 truncate">{a.label}</span>
                  {a.keys && <Kbd keys={a.keys} />}
                </Command.Item>
              ))}
            </Command.Group>
          )}
          {query && ticketGroup}
        </Command.List>
        {all.length === 0 && (
          <p role="status" className="px-3 pt-6 pb-8 text-center text-control text-ink-3">
            {tickets.isFetching ? 'Searching…' : 'No ticket and no action has these words.'}
          </p>
        )}
      </Command>
    </dialog>
  );
}

const itemClass = 'flex min-h-[max(34px,calc(var(--control)-2px))] cursor-default items-center gap-2 rounded-control px-2 text-control data-[selected=true]:bg-raised';
const groupClass = '[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-meta [&_[cmdk-group-heading]]:text-ink-3';
