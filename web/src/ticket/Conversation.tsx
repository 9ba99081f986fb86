import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import { type Ref, useEffect, useImperativeHandle, useLayoutEffect, useMemo, useRef } from 'react';
import { readStored, writeStored } from '../app/stored';
import { Button } from '../ui/Button';
import { Loading, Skeleton } from '../ui/Skeleton';
import { EmptyState, ErrorState } from '../ui/States';
import { Problem, sentence } from '../api/problem';
import { MessageArticle, Notice, TurnArticle } from './Articles';
import { hasOlder, newestSeq, type Row } from './canvas';
import { useCanvas, useHere } from './context';
import { useFollow } from './follow';
import { useAnnouncements } from './useAnnouncements';
import { count } from './words';

// How near the top older pages are read, in pixels.
const olderAt = 800;
const guess: Record<Row['kind'], number> = { message: 72, turn: 260, notice: 24 };

export type ConversationHandle = {
  /** Goes along with what comes again. */
  jump: () => void;
  /** Brings a row into view and puts the focus on an element in it. */
  goTo: (row: string, elementId: string) => void;
};

/** The conversation: its rows alone know how to draw themselves, this knows where they stand. */
export function Conversation({ ref }: { ref: Ref<ConversationHandle> }) {
  const { store } = useHere();
  const first = useCanvas((c) => c.first);
  const error = useCanvas((c) => c.error);
  if (first === 'loading') return <ConversationSkeleton />;
  if (first === 'failed') {
    return <ErrorState title="The conversation was not loaded." detail={`${sentence(error)} Nothing is lost.`} requestId={error instanceof Problem ? error.requestId : undefined} onRetry={store.retry} />;
  }
  return <Rows ref={ref} />;
}

function Rows({ ref }: { ref: Ref<ConversationHandle> }) {
  const { store, me } = useHere();
  const canvas = useCanvas((c) => c.canvas);
  const older = useCanvas((c) => c.older);
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const { pin, jump, hold, toEnd } = useFollow(scroller, content);
  useAnnouncements();

  const rows = useMemo(() => [...canvas.rows, ...canvas.queued], [canvas.rows, canvas.queued]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (i) => guess[rows[i]?.kind ?? 'turn'],
    getItemKey: (i) => rows[i]?.id ?? i,
    overscan: 4,
    gap: 20,
    anchorTo: 'end',
    // While the reader reads, not even the exact end may pull them along.
    scrollEndThreshold: pin === 'following' ? 1 : -1,
  });
  const items = virtual.getVirtualItems();

  // Where the reader left off: the first row that came since, or the end.
  const placed = useRef(false);
  useLayoutEffect(() => {
    if (placed.current || rows.length === 0) return;
    placed.current = true;
    const seen = Number(readStored(`seen.${store.key}`) ?? 0);
    const at = seen > 0 ? rows.findIndex((r) => r.seq > seen) : -1;
    const el = scroller.current;
    if (!el) return;
    if (at > 0 && at < rows.length - 1) {
      virtual.scrollToIndex(at, { align: 'start' });
      hold();
    } else toEnd();
  }, [rows, virtual, store.key, toEnd, hold]);

  useLayoutEffect(() => {
    if (pin === 'following') toEnd();
  });
  useImperativeHandle(ref, () => ({
    jump,
    goTo: (row, elementId) => {
      const index = rows.findIndex((r) => r.id === row);
      if (index < 0) return;
      hold();
      if (!document.getElementById(elementId)) virtual.scrollToIndex(index, { align: 'start' });
      void focusSoon(elementId);
    },
  }));
  useEffect(() => {
    if (pin === 'following' && document.visibilityState === 'visible') writeStored(`seen.${store.key}`, String(newestSeq(canvas)));
  }, [pin, canvas, store.key]);

  const left = useRef(0);
  if (pin === 'following') left.current = newestSeq(canvas);
  const fresh = pin === 'reading' ? rows.filter((r) => r.seq > left.current && r.kind !== 'notice' && !(r.kind === 'message' && r.by.id === me.id)).length : 0;

  // Older pages come while the reader is still on the way to them; a page too short to fill the room asks by itself.
  const top = items[0]?.start ?? 0;
  const wantOlder = older === 'idle' && hasOlder(canvas) && (top < olderAt || virtual.getTotalSize() < (scroller.current?.clientHeight ?? 0));
  useEffect(() => {
    if (wantOlder && placed.current) void store.loadOlder();
  }, [wantOlder, store, canvas]);

  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        ref={scroller}
        role="log"
        aria-live="off"
        aria-label="Conversation"
        tabIndex={0}
        onClick={(e) => e.target instanceof Element && e.target.closest('[aria-expanded], summary') && hold()}
        className="focus-inset min-h-0 flex-1 scroll-pb-4 overflow-y-auto overscroll-contain [overflow-anchor:none]"
      >
        <div ref={content} className="mx-auto w-full max-w-[50rem] px-4 py-4">
          {hasOlder(canvas) && (
            <div className="flex h-10 items-center justify-center text-meta text-ink-3">
              {older === 'failed' ? (
                <Button size="small" onClick={() => void store.loadOlder()}>
                  Earlier messages were not loaded. Try again
                </Button>
              ) : (
                'Loading earlier messages…'
              )}
            </div>
          )}
          {rows.length === 0 && <EmptyState>Nothing was said here yet. Write to the agent below.</EmptyState>}
          <div className="relative" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const row = rows[item.index];
              return row ? (
                <div key={item.key} data-index={item.index} ref={virtual.measureElement} className="absolute inset-x-0 top-0" style={{ transform: `translateY(${item.start}px)` }}>
                  <RowView row={row} />
                </div>
              ) : null;
            })}
          </div>
        </div>
      </div>
      {pin === 'reading' && (
        <div className="pointer-events-none absolute inset-x-0 bottom-3 flex justify-center">
          <Button icon={<ArrowDown size={16} aria-hidden />} keys="End" onClick={jump} className="pointer-events-auto shadow-layer">
            Jump to latest{fresh > 0 && ` · ${count(fresh, 'new', 'new')}`}
          </Button>
        </div>
      )}
    </div>
  );
}

function RowView({ row }: { row: Row }) {
  if (row.kind === 'message') return <MessageArticle row={row} />;
  if (row.kind === 'turn') return <TurnArticle row={row} />;
  return <Notice row={row} />;
}

function ConversationSkeleton() {
  return (
    <div className="min-h-0 flex-1 overflow-hidden">
      <Loading label="the conversation">
        <div className="mx-auto flex max-w-[50rem] flex-col gap-8 px-4 py-6">
          {['w-1/2', 'w-4/5', 'w-2/3'].map((width) => (
            <div key={width} className="flex flex-col gap-3">
              <Skeleton className="w-24" />
              <Skeleton className={width} />
              <Skeleton className="w-3/5" />
            </div>
          ))}
        </div>
      </Loading>
    </div>
  );
}

// A row that was out of view is drawn a few frames after the scroll.
async function focusSoon(id: string) {
  for (let i = 0; i < 30; i++) {
    const el = document.getElementById(id);
    if (el) {
      el.focus({ preventScroll: true });
      el.scrollIntoView({ block: 'nearest' });
      return;
    }
    await new Promise(requestAnimationFrame);
  }
}
