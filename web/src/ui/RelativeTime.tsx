import { useSyncExternalStore } from 'react';
import { relativeTime } from './relativeTime';

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const listeners = new Set<() => void>();
let now = Date.now();
let timer = 0;

// One clock for all times on the page.
function subscribe(listener: () => void) {
  if (listeners.size === 0) {
    timer = window.setInterval(() => {
      now = Date.now();
      for (const l of listeners) l();
    }, 20_000);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.clearInterval(timer);
  };
}

/** "5 min ago", kept fresh; the exact moment is in its title. */
export function RelativeTime({ at, className }: { at: string; className?: string }) {
  const current = useSyncExternalStore(subscribe, () => now);
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return null;
  return (
    <time dateTime={at} title={exact.format(time)} className={className}>
      {relativeTime(time, new Date(Math.max(current, Date.now() - 20_000)))}
    </time>
  );
}
