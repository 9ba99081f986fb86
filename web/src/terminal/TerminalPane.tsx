import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus, X } from 'lucide-react';
import { type Ref, useEffect, useImperativeHandle, useRef, useState } from 'react';
import { Problem, sentence } from '../api/problem';
import { Button, IconButton } from '../ui/Button';
import { cx } from '../ui/cx';
import { Menu, MenuItem } from '../ui/Menu';
import { AlertDialog } from '../ui/Dialog';
import { Loading, Skeleton } from '../ui/Skeleton';
import { EmptyState, ErrorState } from '../ui/States';
import { toast } from '../ui/toast';
import { useCanvas, useHead, useHere } from '../ticket/context';
import { scopeWord } from '../ticket/words';
import { attachTerminal, endTerminal, openTerminal, recordOn, type TerminalInfo, terminalsQuery } from './api';
import { Runs } from './Runs';
import { TerminalView, type ViewHandle } from './TerminalView';

export type TerminalHandle = { focus: () => void };
const runsTab = 'runs';

/** The ticket's live shells and what its commands printed, behind one row of tabs. */
export function TerminalPane({ ref, shown, myRun }: { ref: Ref<TerminalHandle>; shown: boolean; /** The run that the reader started last; "" where none runs. */ myRun: string }) {
  const { store } = useHere();
  const head = useHead();
  const client = useQueryClient();
  const terminals = useQuery(terminalsQuery(store.key));
  const told = useCanvas((c) => c.canvas.terminals);
  const runs = useCanvas((c) => c.canvas.runs);
  const [chosen, setChosen] = useState('');
  const [ending, setEnding] = useState<TerminalInfo | null>(null);
  const [dropped, setDropped] = useState<ReadonlySet<string>>(new Set());
  /** Opened by the reader just now: it gets the focus when it is there. */
  const [mine, setMine] = useState('');
  const view = useRef<ViewHandle>(null);
  const box = useRef<HTMLDivElement>(null);
  const closed = head.status === 'closed';

  // The log tells that a terminal was opened or has ended; the list is read again.
  useEffect(() => {
    if (told.size > 0) void client.invalidateQueries({ queryKey: terminalsQuery(store.key).queryKey });
  }, [told, client, store.key]);
  useEffect(() => {
    if (myRun) setChosen(runsTab);
  }, [myRun]);

  const isLive = (t: TerminalInfo) => t.state === 'live' && !told.get(t.id)?.ended;
  // One that ended before the reader's eyes stays, with how it ended, until they put it away.
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set());
  const fresh = (terminals.data?.items ?? []).filter((t) => isLive(t) && !seen.has(t.id));
  if (fresh.length > 0) setSeen(new Set([...seen, ...fresh.map((t) => t.id)]));
  const list = (terminals.data?.items ?? []).filter((t) => (isLive(t) || seen.has(t.id)) && !dropped.has(t.id));
  const tabs = [...(runs.size > 0 ? [runsTab] : []), ...list.map((t) => t.id)];
  const current = tabs.includes(chosen) ? chosen : (list.at(-1)?.id ?? tabs[0] ?? '');

  useImperativeHandle(ref, () => ({
    focus: () => {
      if (view.current) view.current.focus();
      else box.current?.querySelector<HTMLElement>('button, [tabindex="0"]')?.focus();
    },
  }));

  const open = useMutation({
    mutationFn: (scope: string) => openTerminal(store.key, { scope, ...roomFor(box.current) }, crypto.randomUUID()),
    onSuccess: (t) => {
      client.setQueryData(terminalsQuery(store.key).queryKey, (page) => (page && !page.items.some((o) => o.id === t.id) ? { ...page, items: [...page.items, t] } : page));
      setChosen(t.id);
      setMine(t.id);
    },
    onError: (error) => toast(`No terminal was opened. ${sentence(error)}`, { tone: 'danger' }),
  });
  const end = useMutation({
    mutationFn: (t: TerminalInfo) => endTerminal(t.id),
    onSuccess: (_r, t) => {
      setDropped((d) => new Set(d).add(t.id));
      setEnding(null);
    },
    onError: (error) => toast(`The terminal was not ended. ${sentence(error)}`, { tone: 'danger' }),
  });

  const menu = (trigger: React.ReactElement) => <OpenMenu trigger={trigger} onOpen={(scope) => open.mutate(scope)} />;
  if (terminals.isPending) {
    return (
      <Loading label="the terminals">
        <div className="p-4">
          <Skeleton className="w-1/3" />
        </div>
      </Loading>
    );
  }
  if (terminals.isError) return <ErrorState title="The terminals were not loaded." detail={sentence(terminals.error)} requestId={terminals.error instanceof Problem ? terminals.error.requestId : undefined} onRetry={() => void terminals.refetch()} />;

  return (
    <div ref={box} className="flex h-full min-h-0 flex-col">
      {tabs.length > 0 && (
        <div className="flex shrink-0 items-center border-b border-line bg-bg">
          <div role="tablist" aria-label="Terminals" className="flex min-w-0 flex-1 gap-1 overflow-x-auto px-2 py-1" onKeyDown={(e) => arrow(e, tabs, current, setChosen)}>
            {runs.size > 0 && <TermTab id={runsTab} label="Runs" active={current === runsTab} onPick={setChosen} />}
            {list.map((t) => (
              <TermTab key={t.id} id={t.id} label={tabLabel(t, list, head.tenant.name)} active={current === t.id} onPick={setChosen} onClose={() => (isLive(t) ? setEnding(t) : setDropped((d) => new Set(d).add(t.id)))} />
            ))}
          </div>
          {!closed && menu(<IconButton name="Open a terminal" size="small" icon={<Plus size={16} aria-hidden />} busy={open.isPending} className="mr-1.5" />)}
        </div>
      )}
      {tabs.length === 0 &&
        (closed ? (
          <EmptyState>The ticket is closed; its terminals have ended. Their recordings stay in its history.</EmptyState>
        ) : (
          <EmptyState action={menu(<Button icon={<Plus size={16} aria-hidden />} busy={open.isPending}>Open a terminal</Button>)}>A real shell in this ticket’s place. Everyone in the ticket sees the same one; commands you execute appear here too.</EmptyState>
        ))}
      {runs.size > 0 && (
        <div id={`term-${runsTab}`} role="tabpanel" aria-labelledby={`term-tab-${runsTab}`} className={cx('min-h-0 flex-1', current !== runsTab && 'hidden')}>
          <Runs shown={shown && current === runsTab} />
        </div>
      )}
      {list.map((t) => (
        <div key={t.id} id={`term-${t.id}`} role="tabpanel" aria-labelledby={`term-tab-${t.id}`} className={cx('min-h-0 flex-1', current === t.id ? 'flex' : 'hidden')}>
          <TerminalView ref={current === t.id ? view : undefined} label={`Terminal, ${scopeWord(t.scope, head.tenant.name)}`} autoFocus={mine === t.id} attach={() => attachTerminal(t.id)} onMore={() => recordOn(t.id)} className="min-w-0 flex-1" />
        </div>
      ))}
      <AlertDialog
        open={ending !== null}
        onClose={() => setEnding(null)}
        title="End this terminal?"
        description="Its shell and what runs in it are stopped, for everyone in it. The recording stays."
        confirm="End terminal"
        busy={end.isPending}
        onConfirm={() => ending && end.mutate(ending)}
      />
    </div>
  );
}

function OpenMenu({ trigger, onOpen }: { trigger: React.ReactElement; onOpen: (scope: string) => void }) {
  const { me, adminTerminal } = useHere();
  const head = useHead();
  const noAdmin = !adminTerminal ? 'This server does not offer it.' : !me.admin ? 'Only for platform admins.' : false;
  return (
    <Menu align="end" trigger={trigger}>
      <MenuItem onSelect={() => onOpen('tenant')}>Tenant: {head.tenant.name}</MenuItem>
      <MenuItem disabledReason={noAdmin} onSelect={() => onOpen('admin')}>
        Admin: this machine
      </MenuItem>
    </Menu>
  );
}

function TermTab({ id, label, active, onPick, onClose }: { id: string; label: string; active: boolean; onPick: (id: string) => void; onClose?: () => void }) {
  return (
    <span role="presentation" className={cx('flex shrink-0 items-center rounded-control', active ? 'bg-surface ring-1 ring-line' : 'hover:bg-raised')}>
      <button
        id={`term-tab-${id}`}
        type="button"
        role="tab"
        aria-selected={active}
        aria-controls={`term-${id}`}
        tabIndex={active ? 0 : -1}
        onClick={() => onPick(id)}
        onKeyDown={(e) => e.key === 'Delete' && onClose?.()}
        aria-keyshortcuts={onClose ? 'Delete' : undefined}
        className={cx('focus-inset h-[max(28px,calc(var(--control)-4px))] rounded-control px-2 text-control', active ? 'font-medium text-ink' : 'text-ink-2', onClose && active && 'pr-1')}
      >
        {label}
      </button>
      {onClose && active && (
        // For the pointer; by keyboard it is Delete on the tab.
        <button type="button" aria-hidden tabIndex={-1} title={`End ${label} (Delete)`} onClick={onClose} className="flex size-[max(28px,calc(var(--control)-4px))] items-center justify-center rounded-control text-ink-3 hover:text-ink">
          <X size={14} aria-hidden />
        </button>
      )}
    </span>
  );
}

function arrow(e: React.KeyboardEvent, tabs: readonly string[], current: string, pick: (id: string) => void) {
  const at = tabs.indexOf(current);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[e.key];
  const id = to === undefined ? undefined : tabs[(to + tabs.length) % tabs.length];
  if (!id) return;
  e.preventDefault();
  pick(id);
  document.getElementById(`term-tab-${id}`)?.focus();
}

// Several of one scope are told apart by number.
function tabLabel(t: TerminalInfo, list: readonly TerminalInfo[], tenant: string): string {
  const same = list.filter((o) => o.scope === t.scope);
  const word = scopeWord(t.scope, tenant);
  return same.length > 1 ? `${word} ${same.indexOf(t) + 1}` : word;
}

// A first size near the truth; the view tells the true one as soon as it is measured.
function roomFor(box: HTMLElement | null): { cols: number; rows: number } {
  const width = box?.clientWidth ?? 0;
  const height = box?.clientHeight ?? 0;
  return { cols: Math.max(20, Math.floor((width - 30) / 7.8) || 80), rows: Math.max(5, Math.floor((height - 70) / 16) || 24) };
}
