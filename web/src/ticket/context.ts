import { createContext, useContext, useSyncExternalStore } from 'react';
import type { CanvasState, CanvasStore } from './CanvasStore';
import type { Head } from './head';

/** What every part of one ticket's Canvas may ask for. */
export type Here = {
  store: CanvasStore;
  me: { id: string; admin: boolean };
  /** Whether the host's own terminal may be opened at all. */
  adminTerminal: boolean;
};

export const HereContext = createContext<Here | null>(null);
export const HeadContext = createContext<Head | null>(null);

export function useHere(): Here {
  const here = useContext(HereContext);
  if (!here) throw new Error('Not inside a ticket.');
  return here;
}

/** The ticket's head as it stands now. */
export function useHead(): Head {
  const head = useContext(HeadContext);
  if (!head) throw new Error('Not inside a ticket.');
  return head;
}

/** A part of the Canvas; the component draws again only when that part changes. */
export function useCanvas<T>(select: (state: CanvasState) => T): T {
  const { store } = useHere();
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
