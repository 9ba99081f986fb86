import { ChevronRight } from 'lucide-react';
import { type ReactNode, useId, useState } from 'react';
import { cx } from './cx';

/** A line that opens what it summarises. Closed content is not rendered. */
export function Disclosure({ summary, defaultOpen = false, onOpen, className, children }: { summary: ReactNode; defaultOpen?: boolean; onOpen?: () => void; className?: string; children: ReactNode }) {
  const [open, setOpen] = useState(defaultOpen);
  const id = useId();
  return (
    <div className={className}>
      <button
        type="button"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => {
          if (!open) onOpen?.();
          setOpen(!open);
        }}
        className="flex min-h-[max(24px,calc(var(--control)-8px))] max-w-full items-center gap-1 rounded-chip text-left text-control text-ink-2 hover:text-ink"
      >
        <ChevronRight size={14} aria-hidden className={cx('shrink-0 transition-transform duration-120', open && 'rotate-90')} />
        {summary}
      </button>
      {open && <div id={id}>{children}</div>}
    </div>
  );
}
