import { useQuery } from '@tanstack/react-query';
import { Link, type LinkProps } from '@tanstack/react-router';
import { Bot, Building2, Clock, Search, SquarePen, Users } from 'lucide-react';
import { lazy, type ReactNode, Suspense } from 'react';
import { meQuery } from '../api/me';
import { waitingQuery } from '../api/tickets';
import { cx } from '../ui/cx';
import { Kbd } from '../ui/Kbd';

const UserMenu = lazy(() => import('./UserMenu').then((m) => ({ default: m.UserMenu })));

/** The left column: places to go, and the tickets that wait for a person. */
export function Navigation({ onPalette, onShortcuts, onNavigate }: { onPalette: () => void; onShortcuts: () => void; onNavigate: () => void }) {
  const me = useQuery(meQuery);
  return (
    <nav aria-label="Main" className="flex h-full flex-col">
      <div className="px-3 pt-4 pb-2">
        <p className="px-2 text-body font-semibold">AI HelpDesk</p>
        <button
          type="button"
          onClick={() => {
            onNavigate();
            onPalette();
          }}
          className="mt-3 flex h-control w-full items-center gap-2 rounded-control border border-line bg-surface px-2 text-left text-control text-ink-3 hover:border-line-strong"
        >
          <Search size={14} aria-hidden />
          <span className="flex-1 truncate">Search</span>
          <Kbd keys="Ctrl+K" className="pointer-coarse:hidden" />
        </button>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto px-3 pb-4">
        <Group label="AI Suite">
          <p className="px-2 pt-1 text-meta text-ink-3" id="nav-helpdesk">
            HelpDesk
          </p>
          <ul aria-labelledby="nav-helpdesk">
            <Item to="/new" icon={<SquarePen size={16} aria-hidden />} keys="c" onNavigate={onNavigate}>
              New ticket
            </Item>
            <Item to="/history" icon={<Clock size={16} aria-hidden />} keys="g h" onNavigate={onNavigate}>
              History
            </Item>
          </ul>
          <ul className="mt-2">
            <Item to="/studio" icon={<Bot size={16} aria-hidden />} keys="g s" onNavigate={onNavigate}>
              AI Studio
            </Item>
          </ul>
        </Group>
        {me.data?.user.admin && (
          <Group label="Admin">
            <ul>
              <Item to="/admin/tenants" icon={<Building2 size={16} aria-hidden />} keys="g a" onNavigate={onNavigate}>
                Tenants
              </Item>
              <Item to="/admin/people" icon={<Users size={16} aria-hidden />} onNavigate={onNavigate}>
                People
              </Item>
            </ul>
          </Group>
        )}
        <Waiting onNavigate={onNavigate} />
      </div>
      <div className="border-t border-line p-2">
        {me.data && (
          <Suspense fallback={<div className="h-control" />}>
            <UserMenu me={me.data} onShortcuts={onShortcuts} onNavigate={onNavigate} />
          </Suspense>
        )}
      </div>
    </nav>
  );
}

function Group({ label, children }: { label: string; children: ReactNode }) {
  return (
    <section className="pt-4">
      <h2 className="px-2 pb-1 text-meta font-semibold text-ink-2">{label}</h2>
      {children}
    </section>
  );
}

const itemClass = 'group flex min-h-[max(30px,calc(var(--control)-2px))] items-center gap-2 rounded-control px-2 text-control text-ink-2 hover:bg-raised hover:text-ink';

function Item({ to, icon, keys, onNavigate, children }: { to: LinkProps['to']; icon: ReactNode; keys?: string; onNavigate: () => void; children: ReactNode }) {
  return (
    <li>
      <Link to={to} onClick={onNavigate} className={itemClass} activeProps={{ className: 'bg-raised font-medium text-ink' }} activeOptions={{ includeSearch: false }}>
        {icon}
        <span className="flex-1">{children}</span>
        {keys && <Kbd keys={keys} className="opacity-0 group-hover:opacity-100 group-focus-visible:opacity-100 pointer-coarse:hidden" />}
      </Link>
    </li>
  );
}

/** The scarce resource is the person: what waits for one is always in sight. */
function Waiting({ onNavigate }: { onNavigate: () => void }) {
  const { data } = useQuery(waitingQuery);
  const tickets = data?.items.filter((t) => t.status !== 'closed') ?? [];
  if (tickets.length === 0) return null;
  return (
    <section className="pt-4">
      <h2 className="flex items-center gap-2 px-2 pb-1 text-meta font-semibold text-ink-2">
        Waiting for you <span className="num rounded-chip bg-warn-soft px-1.5 font-medium text-warn">{tickets.length}</span>
      </h2>
      <ul>
        {tickets.slice(0, 12).map((t) => (
          <li key={t.key}>
            <Link
              to="/tickets/$key"
              params={{ key: t.key }}
              onClick={onNavigate}
              className={cx(itemClass, 'gap-1.5')}
              activeProps={{ className: 'bg-raised font-medium text-ink' }}
              title={`${t.key} ${t.title}`}
            >
              <span className="num shrink-0 font-mono text-meta text-ink-3">{t.key}</span>
              <span className="min-w-0 flex-1 truncate">{t.title}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
