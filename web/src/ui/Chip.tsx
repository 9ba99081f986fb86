import type { ReactNode } from 'react';
import { cx } from './cx';

export type Tone = 'neutral' | 'ok' | 'warn' | 'danger' | 'info' | 'agent' | 'accent';
const looks: Record<Tone, string> = {
  neutral: 'bg-raised text-ink-2',
  ok: 'bg-ok-soft text-ok',
  warn: 'bg-warn-soft text-warn',
  danger: 'bg-danger-soft text-danger',
  info: 'bg-info-soft text-info',
  agent: 'bg-agent-soft text-agent',
  accent: 'bg-accent-soft text-accent',
};

/** A word with a colour; the word alone says it all. */
export function Chip({ tone = 'neutral', icon, className, children }: { tone?: Tone; icon?: ReactNode; className?: string; children: ReactNode }) {
  return (
    <span className={cx('inline-flex h-5 items-center gap-1 rounded-chip border border-transparent px-1.5 text-meta font-medium whitespace-nowrap', looks[tone], className)}>
      {icon}
      {children}
    </span>
  );
}
