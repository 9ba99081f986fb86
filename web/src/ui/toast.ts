// The store behind Toasts, so that a mutation may show one without a component.
export type ToastItem = { id: number; text: string; tone: 'neutral' | 'danger'; action?: { label: string; run: () => void }; until: number };

let items: readonly ToastItem[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: readonly ToastItem[]) {
  items = next;
  for (const listener of listeners) listener();
}

export const toasts = {
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  get: () => items,
  dismiss(id: number) {
    set(items.filter((t) => t.id !== id));
  },
};

/** Shows a short notice. It never carries the only copy of an information. */
export function toast(text: string, { action, tone = 'neutral', seconds = action ? 10 : 5 }: { action?: ToastItem['action']; tone?: ToastItem['tone']; seconds?: number } = {}) {
  const id = nextId++;
  set([...items.slice(-2), { id, text, tone, action, until: Date.now() + seconds * 1000 }]);
  return id;
}
