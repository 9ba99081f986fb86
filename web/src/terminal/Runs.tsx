import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Button } from '../ui/Button';
import { CopyButton } from '../ui/CopyButton';
import { cx } from '../ui/cx';
import type { Run } from '../ticket/canvas';
import { CommandText } from '../ticket/CommandText';
import { useCanvas, useHead, useHere } from '../ticket/context';
import { RunOutput } from '../ticket/RunOutput';
import { scopeWord, timeOf, WhoWord } from '../ticket/words';
import { attachRun } from './api';
import { TerminalView } from './TerminalView';

/** The commands that were run, each as a block: what, by whom, what it printed, how it ended. */
export function Runs({ shown }: { shown: boolean }) {
  const runs = useCanvas((c) => c.canvas.runs);
  const list = useMemo(() => [...runs.values()].toSorted((a, b) => a.seq - b.seq), [runs]);
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: list.length, getScrollElement: () => box.current, estimateSize: () => 220, getItemKey: (i) => list[i]?.id ?? i, overscan: 2, gap: 12, paddingStart: 12, anchorTo: 'end' });

  // A new block comes into view when it is added; afterwards the reader scrolls.
  const newest = list.at(-1)?.id ?? '';
  const toEnd = useRef(newest);
  useEffect(() => {
    if (!shown) return;
    virtual.scrollToIndex(list.length - 1, { align: 'end' });
    toEnd.current = newest;
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- only a new block or a new view scrolls
  }, [newest, shown]);

  return (
    <div ref={box} tabIndex={0} role="region" aria-label="Runs" className="focus-inset h-full overflow-y-auto px-3">
      <ol className="relative" style={{ height: virtual.getTotalSize() + 12 }}>
        {virtual.getVirtualItems().map((item) => {
          const run = list[item.index];
          return run ? (
            <li key={item.key} data-index={item.index} ref={virtual.measureElement} className="absolute inset-x-0 top-0" style={{ transform: `translateY(${item.start}px)` }}>
              <Block run={run} />
            </li>
          ) : null;
        })}
      </ol>
    </div>
  );
}

function Block({ run }: { run: Run }) {
  const { store, me } = useHere();
  const head = useHead();
  const [typing, setTyping] = useState(false);
  const live = run.state === 'running';
  return (
    <article aria-label={`Run: ${run.command}`} className="overflow-hidden rounded-card border border-line bg-surface">
      <header className="flex items-center gap-2 pt-1 pr-1 pl-3 text-meta text-ink-3">
        <span className="min-w-0 truncate">
          {WhoWord(run.by, me.id)} · {scopeWord(run.scope, head.tenant.name)} · <time dateTime={run.at} className="num">{timeOf(run.at)}</time>
        </span>
        <span className="flex-1" />
        {live && (
          <Button size="small" aria-pressed={typing} onClick={() => setTyping(!typing)}>
            {typing ? 'Show as text' : 'Type into it'}
          </Button>
        )}
        <CopyButton text={run.command} name="Copy command" />
      </header>
      <div className="px-3 pb-2">
        <CommandText text={run.command} label={`Command: ${run.command}`} />
      </div>
      {live && typing ? <TerminalView compact label="Run, live" attach={() => attachRun(store.key, run.id)} className="h-64 border-t border-line" /> : <div className={cx('px-3 pb-3')}><RunOutput run={run} /></div>}
    </article>
  );
}
