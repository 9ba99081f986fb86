import { Link, useNavigate } from '@tanstack/react-router';
import { Search } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { Tenant } from '../api/types';
import type { HistorySearch } from '../app/router';
import { cx } from '../ui/cx';
import { Input } from '../ui/Input';
import { Select } from '../ui/Select';
import { statusOptions } from './TicketState';

/** How long after the last key the search starts. */
const settleMs = 200;

/** Words, status and tenant. They live in the address, so that a view can be kept and sent. */
export function FilterBar({ search, tenants }: { search: HistorySearch; tenants: readonly Tenant[] }) {
  const navigate = useNavigate({ from: '/history' });
  const [words, setWords] = useState(search.q ?? '');

  useEffect(() => {
    const timer = window.setTimeout(() => {
      if (words.trim() !== (search.q ?? '')) void navigate({ search: (s) => ({ ...s, q: words.trim() || undefined }), replace: true });
    }, settleMs);
    return () => window.clearTimeout(timer);
  }, [words, search.q, navigate]);

  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap gap-2" role="search">
        <Input
          type="search"
          aria-label="Search tickets"
          placeholder="Key or words"
          icon={<Search size={14} aria-hidden />}
          value={words}
          onChange={(e) => setWords(e.target.value)}
          onKeyDown={(e) => {
            if (e.key === 'Escape') setWords('');
            if (e.key === 'ArrowDown') {
              e.preventDefault();
              document.querySelector<HTMLElement>('[data-row-link]')?.focus();
            }
          }}
          className="min-w-52 flex-1 max-wide:basis-full"
        />
        <Select
          aria-label="Status"
          value={search.status ?? 'any'}
          options={[{ value: 'any', label: 'Any status' }, ...statusOptions]}
          onChange={(status) => void navigate({ search: (s) => ({ ...s, status: status === 'any' ? undefined : status }) })}
          className="max-wide:flex-1"
        />
        {tenants.length > 1 && (
          <Select
            aria-label="Tenant"
            value={search.tenant ?? 'any'}
            options={[{ value: 'any', label: 'All tenants' }, ...tenants.map((t) => ({ value: t.id, label: t.name }))]}
            onChange={(tenant) => void navigate({ search: (s) => ({ ...s, tenant: tenant === 'any' ? undefined : tenant }) })}
            className="max-w-56 max-wide:flex-1"
          />
        )}
      </div>
      <ul className="flex gap-1 text-control">
        <li>
          <ViewLink on={!search.waiting} label="All tickets" waiting={undefined} />
        </li>
        <li>
          <ViewLink on={search.waiting === true} label="Waiting for you" waiting />
        </li>
      </ul>
    </div>
  );
}

function ViewLink({ on, label, waiting }: { on: boolean; label: string; waiting: true | undefined }) {
  return (
    <Link
      to="/history"
      search={(s) => ({ ...s, waiting })}
      aria-current={on ? 'true' : undefined}
      className={cx('inline-flex min-h-[max(28px,calc(var(--control)-4px))] items-center rounded-control px-2.5 font-medium', on ? 'bg-raised text-ink' : 'text-ink-2 hover:bg-raised hover:text-ink')}
    >
      {label}
    </Link>
  );
}
