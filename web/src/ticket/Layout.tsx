import { Columns2, FileText, History, MessageSquare, SquareTerminal } from 'lucide-react';
import { type CSSProperties, lazy, Suspense, useEffect, useEffectEvent, useRef, useState } from 'react';
import { useStored } from '../app/stored';
import { IconButton } from '../ui/Button';
import { cx } from '../ui/cx';
import { Loading, Skeleton } from '../ui/Skeleton';
import { Splitter } from '../ui/Splitter';
import type { TerminalHandle } from '../terminal/TerminalPane';
import { waiting } from './canvas';
import { type Compose, ComposeContext } from './compose';
import { Composer } from './Composer';
import { useCanvas, useHere } from './context';
import { Conversation, type ConversationHandle } from './Conversation';
import { PaneBoundary } from './PaneBoundary';
import { panelId, PaneTabs, tabId } from './PaneTabs';
import { cardId } from './SuggestionCard';
import { TicketHeader } from './TicketHeader';
import { useWide } from './useWide';
import { WaitingBar } from './WaitingBar';

const Files = lazy(() => import('./Files').then((m) => ({ default: m.Files })));
const Timeline = lazy(() => import('./Timeline').then((m) => ({ default: m.Timeline })));
const TerminalPane = lazy(() => import('../terminal/TerminalPane').then((m) => ({ default: m.TerminalPane })));

type Side = 'terminal' | 'files' | 'timeline';
type Pane = 'chat' | Side;
const icon = { size: 16, 'aria-hidden': true } as const;
const sides = [
  { id: 'terminal', label: 'Terminal', icon: <SquareTerminal {...icon} /> },
  { id: 'files', label: 'Files', icon: <FileText {...icon} /> },
  { id: 'timeline', label: 'Timeline', icon: <History {...icon} /> },
] as const;

/**
 * Conversation and work pane: side by side where there is room, behind tabs where there is not. It is one tree with
 * other classes, so nothing remounts or is read again when the window changes.
 */
export function Layout() {
  const { store, me } = useHere();
  const wide = useWide();
  const [stored, setStored] = useStored('canvas.share');
  const share = Math.min(75, Math.max(25, Number(stored ?? 55) || 55));
  const [pane, setPane] = useState<Pane>('chat');
  const [side, setSide] = useState<Side>('terminal');
  const [opened, setOpened] = useState<ReadonlySet<Side>>(new Set());
  const box = useRef<HTMLDivElement>(null);
  const conversation = useRef<ConversationHandle>(null);
  const compose = useRef<Compose>(null);
  const terminal = useRef<TerminalHandle>(null);
  const waits = useCanvas((c) => waiting(c.canvas).length);
  const first = useCanvas((c) => c.first);

  // What was shown once stays mounted. On a phone nothing is before its tab is pressed.
  const visible: Pane[] = wide ? ['chat', side] : [pane];
  const shown = (id: Side) => visible.includes(id);
  const mounted = (id: Side) => shown(id) || opened.has(id);
  useEffect(() => {
    const now = wide ? side : pane;
    if (now !== 'chat' && first === 'ready') setOpened((before) => (before.has(now) ? before : new Set(before).add(now)));
  }, [wide, side, pane, first]);

  const show = (id: Pane) => {
    setPane(id);
    if (id !== 'chat') setSide(id);
  };

  // A command that the reader started is to be seen where it runs, if there is room beside the card.
  const myRun = useCanvas((c) => {
    let newest = '';
    for (const r of c.canvas.runs.values()) if (r.state === 'running' && r.by.id === me.id) newest = r.id;
    return newest;
  });
  const knownRun = useRef(myRun);
  useEffect(() => {
    if (myRun && myRun !== knownRun.current) setSide('terminal');
    knownRun.current = myRun;
  }, [myRun]);

  const goToWaiting = (step: 1 | -1) => {
    const { canvas } = store.get();
    const cards = waiting(canvas).map((s) => ({ row: s.turn, id: cardId(s.id) }));
    if (cards.length === 0 && canvas.openQuestion) cards.push({ row: canvas.openQuestion, id: `card-question-${canvas.openQuestion}` });
    if (cards.length === 0) return;
    const at = cards.findIndex((c) => document.getElementById(c.id)?.contains(document.activeElement));
    const to = cards[at < 0 ? (step > 0 ? 0 : cards.length - 1) : (at + step + cards.length) % cards.length];
    setPane('chat');
    if (to) requestAnimationFrame(() => conversation.current?.goTo(to.row, to.id));
  };

  const switchPane = () => {
    if (document.getElementById(panelId('terminal'))?.contains(document.activeElement)) {
      setPane('chat');
      requestAnimationFrame(() => compose.current?.focus());
    } else {
      show('terminal');
      requestAnimationFrame(() => terminal.current?.focus());
    }
  };

  // Seen before the terminal sees them: these two lead out of it.
  const onKey = useEffectEvent((e: KeyboardEvent) => {
    if (document.querySelector('dialog[open]')) return;
    if (e.altKey && !e.ctrlKey && !e.metaKey && e.code === 'KeyJ') goToWaiting(e.shiftKey ? -1 : 1);
    else if (e.ctrlKey && !e.altKey && !e.metaKey && e.code === 'Backquote') switchPane();
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  useEffect(() => {
    const listener = (e: KeyboardEvent) => onKey(e);
    window.addEventListener('keydown', listener, true);
    return () => window.removeEventListener('keydown', listener, true);
  }, []);

  const panelClass = (id: Side) => cx('min-h-0 flex-1', !shown(id) && 'hidden');
  return (
    <ComposeContext value={{ fill: (text) => (setPane('chat'), compose.current?.fill(text)), focus: () => compose.current?.focus() }}>
      <div className="flex h-full min-h-0 flex-col">
        <TicketHeader />
        {!wide && (
          <PaneTabs
            label="Parts of the ticket"
            stretch
            value={pane}
            onChange={show}
            tabs={[{ id: 'chat', label: 'Chat', icon: <MessageSquare {...icon} />, badge: waits > 0 && <span className="num rounded-full bg-warn-soft px-1.5 text-meta text-warn" aria-label={`${waits} waiting`}>{waits}</span> }, ...sides.map(({ id, label }) => ({ id, label }))]}
          />
        )}
        <div ref={box} className="flex min-h-0 flex-1">
          <section
            id={panelId('chat')}
            role={wide ? undefined : 'tabpanel'}
            aria-labelledby={wide ? undefined : tabId('chat')}
            aria-label={wide ? 'Chat' : undefined}
            style={{ '--share': `${share}%` } as CSSProperties}
            className={cx('min-h-0 w-full min-w-0 flex-col wide:flex wide:w-(--share)', visible.includes('chat') ? 'flex' : 'hidden')}
          >
            <PaneBoundary name="The conversation">
              <Conversation ref={conversation} />
            </PaneBoundary>
            <div className="mx-auto flex w-full max-w-[50rem] flex-col gap-2 px-3 pt-2 pb-3 wide:px-4 wide:pb-4">
              <WaitingBar onGo={() => goToWaiting(1)} />
              <Composer ref={compose} onSent={() => conversation.current?.jump()} />
            </div>
          </section>
          <Splitter label="Width of the conversation" value={share} onChange={(v) => setStored(String(v))} box={box} controls={panelId('chat')} className="max-wide:hidden" />
          <section aria-label="Work" className={cx('min-h-0 min-w-0 flex-1 flex-col wide:flex', pane === 'chat' ? 'hidden' : 'flex')}>
            {wide && (
              <PaneTabs
                label="Work"
                value={side}
                onChange={show}
                tabs={sides}
                actions={share !== 50 && <IconButton name="Half and half" size="small" icon={<Columns2 size={16} aria-hidden />} onClick={() => setStored('50')} />}
              />
            )}
            <div id={panelId('terminal')} role="tabpanel" aria-labelledby={tabId('terminal')} className={panelClass('terminal')}>
              {mounted('terminal') && first === 'ready' && (
                <PaneBoundary name="The terminal">
                  <Suspense fallback={<PaneLoading label="the terminal" />}>
                    <TerminalPane ref={terminal} shown={shown('terminal')} myRun={myRun} />
                  </Suspense>
                </PaneBoundary>
              )}
            </div>
            <div id={panelId('files')} role="tabpanel" aria-labelledby={tabId('files')} className={panelClass('files')}>
              {mounted('files') && (
                <PaneBoundary name="The files">
                  <Suspense fallback={<PaneLoading label="the files" />}>
                    <Files />
                  </Suspense>
                </PaneBoundary>
              )}
            </div>
            <div id={panelId('timeline')} role="tabpanel" aria-labelledby={tabId('timeline')} className={panelClass('timeline')}>
              {shown('timeline') && (
                <PaneBoundary name="The timeline">
                  <Suspense fallback={<PaneLoading label="the timeline" />}>
                    <Timeline />
                  </Suspense>
                </PaneBoundary>
              )}
            </div>
          </section>
        </div>
      </div>
    </ComposeContext>
  );
}

function PaneLoading({ label }: { label: string }) {
  return (
    <Loading label={label}>
      <div className="flex flex-col gap-3 p-4">
        <Skeleton className="w-1/2" />
        <Skeleton className="w-1/3" />
      </div>
    </Loading>
  );
}
