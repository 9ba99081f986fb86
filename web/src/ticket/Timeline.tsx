import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import { Button } from '../ui/Button';
import { cx } from '../ui/cx';
import { EmptyState } from '../ui/States';
import { hasOlder } from './canvas';
import { useCanvas, useHere } from './context';
import { known, type KnownEvent } from './facts';
import { entry, type Group, groupOf, groups, tells } from './timelineText';
import { timeOf, WhoWord } from './words';
import { plainText } from './output';

type Line = { key: string; day: string } | { key: string; e: KnownEvent };
const dayWords = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** Everything that happened: who did what, and when; the newest first. */
export function Timeline() {
  const { store, me } = useHere();
  const canvas = useCanvas((c) => c.canvas);
  const older = useCanvas((c) => c.older);
  const [off, setOff] = useState<ReadonlySet<Group>>(new Set());
  const box = useRef<HTMLDivElement>(null);

  const lines = useMemo(() => {
    const out: Line[] = [];
    let day = '';
    for (let i = canvas.events.length - 1; i >= 0; i--) {
      const raw = canvas.events[i];
      const e = raw && known(raw);
      if (!e || !tells(e) || off.has(groupOf(e))) continue;
      const d = dayWords.format(new Date(e.at));
      if (d !== day) out.push({ key: `day-${d}`, day: d });
      day = d;
      out.push({ key: String(e.seq), e });
    }
    return out;
  }, [canvas.events, off]);

  const virtual = useVirtualizer({ count: lines.length, getScrollElement: () => box.current, estimateSize: () => 40, getItemKey: (i) => lines[i]?.key ?? i, overscan: 10 });
  const toggle = (g: Group) => setOff((now) => {
    const next = new Set(now);
    if (!next.delete(g)) next.add(g);
    return next;
  });

  return (
    <div className="flex h-full min-h-0 flex-col">
      <div role="group" aria-label="Show" className="flex flex-wrap gap-1 border-b border-line px-3 py-2">
        {groups.map((g) => (
          <button key={g.id} type="button" aria-pressed={!off.has(g.id)} onClick={() => toggle(g.id)} className={cx('min-h-[max(28px,calc(var(--control)-4px))] rounded-control border px-2 text-control', off.has(g.id) ? 'border-line text-ink-3' : 'border-transparent bg-accent-soft text-accent')}>
            {g.label}
          </button>
        ))}
      </div>
      <div ref={box} tabIndex={0} role="region" aria-label="Timeline" className="focus-inset min-h-0 flex-1 overflow-y-auto">
        {lines.length === 0 && (
          <EmptyState action={off.size > 0 && <Button onClick={() => setOff(new Set())}>Show everything</Button>}>{off.size > 0 ? 'Nothing of what you chose to see has happened.' : 'Nothing has happened yet.'}</EmptyState>
        )}
        <ol className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            if (!line) return null;
            return (
              <li key={item.key} data-index={item.index} ref={virtual.measureElement} className="absolute inset-x-0 top-0 px-3" style={{ transform: `translateY(${item.start}px)` }}>
                {'day' in line ? <p className="pt-3 pb-1 text-meta font-medium text-ink-2">{line.day}</p> : <Entry e={line.e} me={me.id} />}
              </li>
            );
          })}
        </ol>
        {hasOlder(canvas) && (
          <div className="flex justify-center p-3">
            <Button busy={older === 'loading'} onClick={() => void store.loadOlder()}>
              {older === 'failed' ? 'Not loaded. Try again' : 'Show earlier'}
            </Button>
          </div>
        )}
      </div>
    </div>
  );
}

function Entry({ e, me }: { e: KnownEvent; me: string }) {
  const { text, detail, code, alone } = entry(e);
  return (
    <div className="flex gap-3 py-1.5 text-control">
      <time dateTime={e.at} title={new Date(e.at).toLocaleString()} className="num w-14 shrink-0 text-meta leading-5 text-ink-3">
        {timeOf(e.at)}
      </time>
      <div className="min-w-0 flex-1 wrap-anywhere">
        {!alone && <span className={cx('font-medium', e.actor.kind === 'agent' ? 'text-agent' : e.actor.kind === 'user' ? 'text-human' : 'text-ink-2')}>{WhoWord(e.actor, me)}</span>} <span className={cx(alone && 'font-medium text-ink-2')}>{text}</span>
        {detail && <span className={cx('line-clamp-2 text-ink-2', code && 'font-mono text-meta leading-5')}>{plainText(detail)}</span>}
      </div>
    </div>
  );
}
