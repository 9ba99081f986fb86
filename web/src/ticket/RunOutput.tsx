import { useMutation } from '@tanstack/react-query';
import { LoaderCircle, Square } from 'lucide-react';
import { useEffect, useState } from 'react';
import { sentence } from '../api/problem';
import { Button } from '../ui/Button';
import { CopyButton } from '../ui/CopyButton';
import { cx } from '../ui/cx';
import { runOutput, stopRun } from './api';
import type { Run } from './canvas';
import { useHere } from './context';
import { plainText, tailLines } from './output';
import { duration, ending, went } from './words';

const shownLines = 20;
const pollMs = 500;

/** What a Run prints: live while it runs, whole afterwards, with a Stop and how it ended. */
export function RunOutput({ run }: { run: Run }) {
  const { store } = useHere();
  const [whole, setWhole] = useState(false);
  const live = useLiveOutput(store.key, run);
  const stop = useMutation({ mutationFn: () => stopRun(store.key, run.id) });
  const text = plainText(run.outcome && !live ? run.outcome.output : live);
  const { shown, hidden } = tailLines(text, whole ? Infinity : shownLines);
  const bad = run.outcome !== null && !went(run.outcome);

  return (
    <div className={cx('overflow-hidden rounded-control border', bad ? 'border-danger' : 'border-line')}>
      <div className={cx('flex min-h-8 flex-wrap items-center gap-2 pr-1 pl-3 text-meta', bad ? 'bg-danger-soft text-danger' : 'bg-raised text-ink-2')}>
        {run.state === 'running' && <LoaderCircle size={14} aria-hidden className="animate-spin" />}
        <span className="num">
          {run.state === 'waiting' && 'Waits for the command before it'}
          {run.state === 'running' && (
            <>
              Running <Elapsed since={run.at} />
            </>
          )}
          {run.outcome && ending(run.outcome)}
        </span>
        <span className="flex-1" />
        {run.state === 'ended' ? (
          text && <CopyButton text={text} name="Copy output" />
        ) : (
          <Button size="small" tone="danger" icon={<Square size={12} aria-hidden />} busy={stop.isPending} onClick={() => stop.mutate()}>
            Stop
          </Button>
        )}
      </div>
      {stop.isError && <p role="alert" className="border-t border-line px-3 py-1 text-meta text-danger">Not stopped: {sentence(stop.error)}</p>}
      {hidden > 0 && (
        <button type="button" onClick={() => setWhole(true)} className="focus-inset flex min-h-7 w-full items-center border-t border-line px-3 text-meta text-accent hover:underline">
          Show {hidden} more {hidden === 1 ? 'line' : 'lines'} above
        </button>
      )}
      {text ? (
        <pre tabIndex={0} aria-label="Output" className="focus-inset max-h-80 overflow-auto border-t border-line bg-term-bg px-3 py-2 font-mono text-meta leading-[1.45] text-term-fg">
          {shown}
        </pre>
      ) : (
        run.state === 'ended' && <p className="border-t border-line px-3 py-1.5 text-meta text-ink-3">No output.</p>
      )}
    </div>
  );
}

/** The output as it comes; "" once the log holds it. */
function useLiveOutput(key: string, run: Run): string {
  const [text, setText] = useState('');
  const live = run.state === 'running';
  useEffect(() => {
    if (!live) return;
    const abort = new AbortController();
    const decoder = new TextDecoder();
    let from = 0;
    let timer = 0;
    const read = async () => {
      try {
        const bytes = await runOutput(key, run.id, from, abort.signal);
        if (bytes.length > 0) {
          from += bytes.length;
          const more = decoder.decode(bytes, { stream: true });
          // The card shows a tail; the whole is in the terminal pane.
          setText((t) => (t + more).slice(-64 * 1024));
        }
      } catch {
        // The event at the end brings the output in any case.
      }
      if (!abort.signal.aborted) timer = window.setTimeout(() => void read(), pollMs);
    };
    void read();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
      setText('');
    };
  }, [live, key, run.id]);
  return text;
}

function Elapsed({ since }: { since: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, []);
  return <>{duration(Math.max(0, Math.floor((now - Date.parse(since)) / 1000) * 1000) || 0)}</>;
}
