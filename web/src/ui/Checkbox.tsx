import type { ReactNode } from 'react';
import { cx } from './cx';

export function Checkbox({ label, hint, checked, onChange, hideLabel, className }: { label: string; hint?: ReactNode; checked: boolean; onChange: (checked: boolean) => void; hideLabel?: boolean; className?: string }) {
  return (
    <label className={cx('inline-flex min-h-[max(24px,calc(var(--control)-8px))] min-w-6 items-center gap-2 text-control', className)}>
      <input type="checkbox" checked={checked} onChange={(e) => onChange(e.target.checked)} className="size-4 shrink-0 accent-accent" />
      <span className={hideLabel ? 'sr-only' : ''}>
        {label}
        {hint && <span className="block text-meta text-ink-3">{hint}</span>}
      </span>
    </label>
  );
}
