import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from './cx';

type Tone = 'info' | 'warn' | 'danger';
const looks: Record<Tone, string> = {
  info: 'bg-info-soft text-info',
  warn: 'bg-warn-soft text-warn',
  danger: 'bg-danger-soft text-danger',
};
const icons = { info: Info, warn: TriangleAlert, danger: CircleAlert };

/** A standing notice. `live` has it read out when it appears. */
export function Banner({ tone = 'info', live, actions, className, children }: { tone?: Tone; live?: boolean; actions?: ReactNode; className?: string; children: ReactNode }) {
  const Icon = icons[tone];
  return (
    <div role={live ? (tone === 'danger' ? 'alert' : 'status') : undefined} className={cx('flex flex-wrap items-center gap-x-3 gap-y-1.5 rounded-control px-3 py-2 text-control', looks[tone], className)}>
      <Icon size={16} aria-hidden className="shrink-0 self-start mt-0.5" />
      <div className="min-w-0 flex-1 text-ink">{children}</div>
      {actions && <div className="flex gap-2">{actions}</div>}
    </div>
  );
}
