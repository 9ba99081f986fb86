import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { Button } from '../ui/Button';
import { cx } from '../ui/cx';
import { toast } from '../ui/toast';
import { sentence } from '../api/problem';
import type { Attachment, AttachState, Exit } from './Attachment';
import type { Emulator } from './Emulator';

function exitWords(exit: Exit | null): string {
  if (!exit) return 'Ended.';
  const how = exit.stopped ? 'Stopped.' : exit.timedOut ? 'Stopped at the time limit.' : exit.code !== null ? `Ended with exit ${exit.code}.` : exit.signal > 0 ? `Ended by signal ${exit.signal}.` : 'Ended.';
  return exit.reason ? `${how} ${exit.reason}` : how;
}

const useAttachState = (a: Attachment): AttachState => useSyncExternalStore(a.subscribe, a.get);

/** Lies over the screen while nothing can be typed, and says why. */
export function Overlay({ attachment }: { attachment: Attachment }) {
  const { phase, retryAt, notice } = useAttachState(attachment);
  const seconds = useSeconds(retryAt);
  if (phase === 'live' || phase === 'ended') return null;
  const text = {
    connecting: 'Connecting…',
    lost: retryAt === null ? 'Connection lost. Reconnecting…' : `Connection lost. Reconnecting in ${seconds} s.`,
    refused: notice || 'This terminal cannot be shown.',
  }[phase];
  return (
    <div role="status" className={cx('absolute inset-x-0 bottom-0 flex flex-wrap items-center justify-center gap-3 border-t border-line px-4 py-2 text-control', phase === 'refused' ? 'bg-danger-soft text-danger' : phase === 'lost' ? 'bg-warn-soft text-ink' : 'bg-raised text-ink-2')}>
      {text}
      {phase === 'lost' && (
        <Button size="small" onClick={attachment.reconnectNow}>
          Reconnect now
        </Button>
      )}
    </div>
  );
}

/** The size of the screen as it is, such as 80×24. */
function useSize({ term }: Emulator): string {
  const watch = useCallback(
    (changed: () => void) => {
      const watched = term.onResize(changed);
      return () => watched.dispose();
    },
    [term],
  );
  return useSyncExternalStore(watch, () => `${term.cols}×${term.rows}`);
}

/** The line below the screen: state, size, who else is here, the way out. */
export function Foot({ attachment, emulator, compact, onMore }: { attachment: Attachment; emulator: Emulator; compact?: boolean; onMore?: () => Promise<unknown> }) {
  const s = useAttachState(attachment);
  const others = s.viewers.filter((v) => !v.you);
  const size = useSize(emulator);
  const word = { connecting: 'connecting', live: s.mayType ? 'connected' : 'read only', lost: 'not connected', ended: exitWords(s.exit), refused: 'not connected' }[s.phase];
  const fill = () => {
    attachment.takeControl();
    const { cols: c, rows: r } = emulator.size();
    attachment.resize(c, r);
  };
  return (
    <div className="flex min-h-7 flex-wrap items-center gap-x-2 gap-y-1 border-t border-line bg-bg px-3 py-0.5 text-meta text-ink-3">
      <span className={s.phase === 'ended' && s.exit?.code !== 0 ? 'text-danger' : ''}>{word}</span>
      {s.phase === 'live' && <span className="num">· {size}</span>}
      {s.phase === 'live' && others.length > 0 && <span className="min-w-0 truncate">· with {others.map((v) => v.name).join(', ')}</span>}
      {s.phase === 'live' && s.mayType && !s.controller && (
        <button type="button" onClick={fill} className="min-h-6 text-accent hover:underline">
          Use my size
        </button>
      )}
      {s.notice && s.phase !== 'refused' && (
        <span role="status" className="flex min-w-0 items-center gap-2 text-warn">
          {s.notice}
          {s.paused && onMore && (
            <button type="button" onClick={() => void onMore().catch((e: unknown) => toast(sentence(e), { tone: 'danger' }))} className="min-h-6 font-medium underline">
              Record on
            </button>
          )}
        </span>
      )}
      {!compact && <span className="ml-auto hidden wide:inline">Ctrl+` to leave</span>}
    </div>
  );
}

function useSeconds(until: number | null): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (until === null) return;
    setNow(Date.now());
    const timer = window.setInterval(() => setNow(Date.now()), 500);
    return () => window.clearInterval(timer);
  }, [until]);
  return until === null ? 0 : Math.max(0, Math.ceil((until - now) / 1000));
}
