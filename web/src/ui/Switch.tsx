import { useId } from 'react';
import { cx } from './cx';

/** On or off, at once, without a Save. The label is part of the press area. */
export function Switch({ label, hint, on, onChange, disabledReason, tone = 'accent' }: { label: string; hint?: string; on: boolean; onChange: (on: boolean) => void; disabledReason?: string | false; tone?: 'accent' | 'agent' }) {
  const id = useId();
  const note = disabledReason || hint;
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      aria-disabled={disabledReason ? true : undefined}
      aria-describedby={note ? id : undefined}
      onClick={() => !disabledReason && onChange(!on)}
      className="group inline-flex min-h-[max(28px,var(--control))] items-center gap-2 rounded-control text-left text-control"
    >
      <span
        aria-hidden
        className={cx(
          'relative h-4.5 w-8 shrink-0 rounded-full border transition-colors duration-120 forced-colors:border-[ButtonText]',
          on ? (tone === 'agent' ? 'border-transparent bg-agent' : 'border-transparent bg-accent') : 'border-line-strong bg-raised',
        )}
      >
        <span className={cx('absolute top-0.5 size-3 rounded-full transition-[left] duration-120 forced-colors:bg-[ButtonText]', on ? 'left-4 bg-surface' : 'left-0.5 bg-line-strong')} />
      </span>
      <span>
        <span className={cx('block font-medium', disabledReason ? 'text-ink-3' : 'text-ink')}>{label}</span>
        {note && (
          <span id={id} className="block text-meta text-ink-3">
            {note}
          </span>
        )}
      </span>
    </button>
  );
}
