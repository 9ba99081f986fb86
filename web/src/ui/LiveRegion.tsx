import { useSyncExternalStore } from 'react';

let message = { text: '', n: 0 };
const listeners = new Set<() => void>();

/** Has a screen reader say a sentence when it next pauses. */
export function announce(text: string) {
  message = { text, n: message.n + 1 };
  for (const listener of listeners) listener();
}

/** Mounted once by the shell. The two regions take turns, so that the same sentence is read out again. */
export function LiveRegion() {
  const { text, n } = useSyncExternalStore(subscribe, () => message);
  return (
    <div className="sr-only">
      <p aria-live="polite">{n % 2 === 0 ? text : ''}</p>
      <p aria-live="polite">{n % 2 === 1 ? text : ''}</p>
    </div>
  );
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
