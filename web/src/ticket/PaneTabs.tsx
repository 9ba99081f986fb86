import type { KeyboardEvent, ReactNode } from 'react';
import { cx } from '../ui/cx';

export type PaneTab<T extends string> = { id: T; label: string; icon?: ReactNode; badge?: ReactNode };

export const panelId = (id: string) => `pane-${id}`;
export const tabId = (id: string) => `pane-tab-${id}`;

/** A row of tabs whose panels stand elsewhere on the page. */
export function PaneTabs<T extends string>({ label, tabs, value, onChange, actions, stretch }: { label: string; tabs: readonly PaneTab<T>[]; value: T; onChange: (id: T) => void; actions?: ReactNode; stretch?: boolean }) {
  const onKey = (e: KeyboardEvent) => {
    const at = tabs.findIndex((t) => t.id === value);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[e.key];
    const tab = to === undefined ? undefined : tabs[(to + tabs.length) % tabs.length];
    if (!tab) return;
    e.preventDefault();
    onChange(tab.id);
    document.getElementById(tabId(tab.id))?.focus();
  };
  return (
    <div className="flex shrink-0 items-center border-b border-line pr-1.5">
      <div role="tablist" aria-label={label} onKeyDown={onKey} className="flex min-w-0 flex-1 overflow-x-auto">
        {tabs.map((t) => (
          <button
            key={t.id}
            id={tabId(t.id)}
            type="button"
            role="tab"
            aria-selected={t.id === value}
            aria-controls={panelId(t.id)}
            tabIndex={t.id === value ? 0 : -1}
            onClick={() => onChange(t.id)}
            className={cx(
              'focus-inset flex h-[max(40px,var(--control))] items-center justify-center gap-1.5 border-b-2 px-3 text-control font-medium whitespace-nowrap',
              stretch && 'flex-1 px-1',
              t.id === value ? 'border-accent text-ink' : 'border-transparent text-ink-2 hover:text-ink',
            )}
          >
            {t.icon}
            {t.label}
            {t.badge}
          </button>
        ))}
      </div>
      {actions}
    </div>
  );
}
