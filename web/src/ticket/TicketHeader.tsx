import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ChevronDown } from 'lucide-react';
import { useState } from 'react';
import { findTicketsQuery } from '../api/tickets';
import { PageTitle } from '../app/PageTitle';
import { ActivityChip } from '../history/TicketState';
import { Combobox } from '../ui/Combobox';
import { cx } from '../ui/cx';
import { AgentPicker } from './AgentPicker';
import { runningTurn } from './canvas';
import { useCanvas, useHead } from './context';
import { StatusMenu } from './StatusMenu';

const activityWords = { idle: '', agent_working: 'Agent working', waiting_for_you: 'Waiting for you' };

/** Which ticket this is, with switchers to others, its agent, its status and what it is at. */
export function TicketHeader() {
  const head = useHead();
  const activity = useActivity();
  const tail = activityWords[activity];
  return (
    <header className="flex min-h-13 shrink-0 flex-wrap items-center gap-x-2 border-b border-line px-2 py-1 wide:px-3">
      <div className="flex min-w-0 flex-[1_1_18rem] items-center gap-1">
        <TicketSwitch by="key" />
        <PageTitle title={`${head.key} ${head.title}${tail ? ` · ${tail}` : ''}`} className="min-w-0 flex-1 text-title!">
          <span className="sr-only">{head.key} </span>
          <TicketSwitch by="title" />
        </PageTitle>
      </div>
      <div className="flex min-w-0 items-center gap-1 max-wide:-mt-1 max-wide:w-full max-wide:justify-between">
        <span className="max-wide:ml-2">
          <ActivityChip activity={activity} />
        </span>
        <AgentPicker />
        <StatusMenu />
      </div>
    </header>
  );
}

/** Switches to another ticket, found by its id or its title. */
function TicketSwitch({ by }: { by: 'key' | 'title' }) {
  const head = useHead();
  const navigate = useNavigate();
  const [words, setWords] = useState('');
  const found = useQuery(findTicketsQuery(words));
  const items = (found.data?.items ?? []).map((t) => (by === 'key' ? { value: t.key, label: t.key, note: <span className="inline-block max-w-44 truncate align-bottom">{t.title}</span> } : { value: t.key, label: t.title, note: t.key }));
  return (
    <Combobox
      label={by === 'key' ? 'Switch by ticket ID' : 'Switch by title'}
      placeholder={by === 'key' ? 'Ticket ID' : 'Title'}
      items={items}
      value={head.key}
      onSearch={setWords}
      onSelect={(key) => void navigate({ to: '/tickets/$key', params: { key } })}
      empty={found.isPending ? 'Searching…' : found.isError ? 'The search failed. Try again.' : 'No ticket found.'}
      trigger={
        <button
          type="button"
          aria-label={by === 'key' ? `Ticket ${head.key}, switch by ID` : `${head.title}, switch by title`}
          className={cx('flex h-control max-w-full min-w-0 items-center gap-1 rounded-control px-2 text-left hover:bg-raised aria-expanded:bg-raised', by === 'key' ? 'shrink-0 font-mono text-control text-ink-2' : 'font-semibold')}
        >
          <span className="truncate">{by === 'key' ? head.key : head.title}</span>
          <ChevronDown size={14} aria-hidden className="shrink-0 text-ink-3" />
        </button>
      }
    />
  );
}

/** What the ticket is at, by what this page has seen. */
export function useActivity(): 'idle' | 'agent_working' | 'waiting_for_you' {
  const head = useHead();
  return useCanvas((c) => {
    if (head.status === 'closed') return 'idle';
    if (runningTurn(c.canvas) || c.canvas.queued.some((m) => m.fate === 'queued')) return 'agent_working';
    for (const s of c.canvas.suggestions.values()) if (s.state === 'proposed') return 'waiting_for_you';
    return c.canvas.openQuestion ? 'waiting_for_you' : 'idle';
  });
}
