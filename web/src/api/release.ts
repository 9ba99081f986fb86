import { useSyncExternalStore } from 'react';

// The release that this page came with, and whether the server has become another since.
let first = '';
let newer = false;
const listeners = new Set<() => void>();

/** Notes which release the server is of. */
export function released(version: string) {
  first ||= version;
  const now = version !== first;
  if (now === newer) return;
  newer = now;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export const useNewRelease = (): boolean => useSyncExternalStore(subscribe, () => newer);
