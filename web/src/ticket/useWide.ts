import { useSyncExternalStore } from 'react';

const query = '(min-width: 56.25rem)';

/** Whether there is room for two panes side by side. Only tab rows ask: the panes themselves stay mounted either way. */
export function useWide(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = window.matchMedia(query);
      list.addEventListener('change', changed);
      return () => list.removeEventListener('change', changed);
    },
    () => window.matchMedia(query).matches,
  );
}
