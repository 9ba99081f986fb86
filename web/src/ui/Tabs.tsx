import { Tabs as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import { cx } from './cx';

export type Tab<T extends string> = { id: T; label: ReactNode; badge?: ReactNode };

/** A row of tabs; the panels are TabPanel children. A hidden panel with `keep` stays mounted. */
export function Tabs<T extends string>({ label, tabs, value, onChange, actions, className, children }: { label: string; tabs: readonly Tab<T>[]; value: T; onChange: (id: T) => void; actions?: ReactNode; className?: string; children?: ReactNode }) {
  return (
    <Radix.Root
      value={value}
      onValueChange={(id) => {
        const tab = tabs.find((t) => t.id === id);
        if (tab) onChange(tab.id);
      }}
      className={cx('flex min-h-0 min-w-0 flex-col', className)}
    >
      <div className="flex items-center border-b border-line">
        <Radix.List aria-label={label} className="flex min-w-0 flex-1 overflow-x-auto">
          {tabs.map((tab) => (
            <Radix.Trigger
              key={tab.id}
              value={tab.id}
              className="focus-inset flex h-[max(36px,var(--control))] items-center gap-1.5 border-b-2 border-transparent px-3 text-control font-medium whitespace-nowrap text-ink-2 hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink"
            >
              {tab.label}
              {tab.badge}
            </Radix.Trigger>
          ))}
        </Radix.List>
        {actions}
      </div>
      {children}
    </Radix.Root>
  );
}

export function TabPanel({ id, keep, className, children }: { id: string; keep?: boolean; className?: string; children: ReactNode }) {
  return (
    <Radix.Content value={id} forceMount={keep || undefined} className={cx('min-h-0 flex-1 data-[state=inactive]:hidden', className)}>
      {children}
    </Radix.Content>
  );
}
