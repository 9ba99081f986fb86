import { useCallback, useSyncExternalStore } from 'react';

// Small things that belong to this browser: drafts, choices, sizes. Losing them is a nuisance, never a loss.
const prefix = 'helpdesk.';
const listeners = new Set<() => void>();
const memory = new Map<string, string>();

export function readStored(name: string): string | null {
  try {
    return localStorage.getItem(prefix + name);
  } catch {
    return memory.get(name) ?? null;
  }
}

/** Keeps a text in this browser; null forgets it. */
export function writeStored(name: string, value: string | null) {
  try {
    if (value === null) localStorage.removeItem(prefix + name);
    else localStorage.setItem(prefix + name, value);
  } catch {
    if (value === null) memory.delete(name);
    else memory.set(name, value);
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  window.addEventListener('storage', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('storage', listener);
  };
}

/** A text kept in this browser, shared by all tabs. */
export function useStored(name: string): [string | null, (value: string | null) => void] {
  const value = useSyncExternalStore(subscribe, () => readStored(name));
  const set = useCallback((next: string | null) => writeStored(name, next), [name]);
  return [value, set];
}
