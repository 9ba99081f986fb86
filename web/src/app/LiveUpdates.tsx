import { useEffect, useState } from 'react';
import { useConnection, useEventStream } from '../api/live';
import { useNewRelease } from '../api/release';
import { Button } from '../ui/Button';
import { useTicketChanges } from './useTicketChanges';

/** Keeps the lists fresh; says when events do not flow, and when all is well again. */
export function LiveUpdates() {
  useTicketChanges();
  const stream = useEventStream();
  const { state, retryAt, restored } = useConnection();
  const newRelease = useNewRelease();
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (retryAt === null) return;
    const tick = () => setSeconds(Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)));
    tick();
    const timer = window.setInterval(tick, 500);
    return () => window.clearInterval(timer);
  }, [retryAt]);

  return (
    <div role="status" className="contents">
      {state === 'lost' ? (
        <div className="flex flex-wrap items-center gap-x-3 border-b border-line bg-warn-soft px-4 py-1 text-control text-ink">
          <span>
            Connection lost. <span aria-hidden>{retryAt === null ? 'Reconnecting…' : `Reconnecting in ${seconds} s.`}</span> What you type is kept.
          </span>
          <Button size="small" onClick={stream.reconnectNow}>
            Reconnect now
          </Button>
        </div>
      ) : restored ? (
        <p className="border-b border-line bg-ok-soft px-4 py-1.5 text-control text-ok">Up to date</p>
      ) : (
        newRelease && (
          <div className="flex flex-wrap items-center gap-x-3 border-b border-line bg-info-soft px-4 py-1 text-control text-ink">
            <span>A new version is ready. What you type is kept.</span>
            <Button size="small" onClick={() => window.location.reload()}>
              Reload
            </Button>
          </div>
        )
      )}
    </div>
  );
}
