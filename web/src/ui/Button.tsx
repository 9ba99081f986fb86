import { LoaderCircle } from 'lucide-react';
import { type ComponentPropsWithRef, type MouseEvent, type ReactNode, useId } from 'react';
import { cx } from './cx';
import { Tooltip } from './Tooltip';

export type ButtonTone = 'primary' | 'secondary' | 'quiet' | 'danger';

type Shared = {
  tone?: ButtonTone;
  size?: 'medium' | 'small';
  /** Why the button cannot be pressed now. It stays focusable, so that the reason can be read. */
  disabledReason?: string | false | null;
  /** The act is under way: the label stays, a spinner shows, presses are ignored. */
  busy?: boolean;
};

export type ButtonProps = Shared &
  Omit<ComponentPropsWithRef<'button'>, 'disabled'> & { icon?: ReactNode; keys?: string; tip?: ReactNode };

export function Button({ tone = 'secondary', size = 'medium', disabledReason, busy, icon, keys, tip, className, children, onClick, type = 'button', ...rest }: ButtonProps) {
  const reasonId = useId();
  const off = Boolean(disabledReason) || busy;
  const hint = disabledReason || tip;
  const button = (
    <button
      {...rest}
      data-autofocus={rest.autoFocus || undefined}
      type={type}
      aria-disabled={off || undefined}
      aria-busy={busy || undefined}
      aria-describedby={disabledReason ? reasonId : rest['aria-describedby']}
      onClick={guard(Boolean(off), onClick)}
      className={cx(
        'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-control border text-control font-medium whitespace-nowrap select-none',
        size === 'small' ? 'h-[max(28px,calc(var(--control)-4px))] px-2' : 'h-control px-3',
        tones[tone],
        disabledReason ? 'opacity-55' : '',
        className,
      )}
    >
      {busy ? <LoaderCircle size={16} aria-hidden className="animate-spin" /> : icon}
      {children}
      {disabledReason && (
        <span id={reasonId} hidden>
          {disabledReason}
        </span>
      )}
    </button>
  );
  return hint || keys ? (
    <Tooltip text={hint ?? children} keys={disabledReason ? undefined : keys}>
      {button}
    </Tooltip>
  ) : (
    button
  );
}

export type IconButtonProps = Shared &
  Omit<ComponentPropsWithRef<'button'>, 'disabled' | 'children' | 'aria-label'> & {
    /** Read by screen readers and shown as the tooltip. */
    name: string;
    icon: ReactNode;
    keys?: string;
    tipSide?: 'bottom' | 'top' | 'right';
  };

export function IconButton({ name, icon, tone = 'quiet', size = 'medium', disabledReason, busy, keys, tipSide, className, onClick, type = 'button', ...rest }: IconButtonProps) {
  const reasonId = useId();
  const off = Boolean(disabledReason) || busy;
  return (
    <Tooltip text={disabledReason || name} keys={disabledReason ? undefined : keys} side={tipSide}>
      <button
        {...rest}
        type={type}
        aria-label={name}
        aria-disabled={off || undefined}
        aria-busy={busy || undefined}
        aria-describedby={disabledReason ? reasonId : rest['aria-describedby']}
        onClick={guard(Boolean(off), onClick)}
        className={cx(
          'inline-flex shrink-0 items-center justify-center rounded-control border',
          size === 'small' ? 'size-[max(28px,calc(var(--control)-4px))]' : 'size-control',
          tones[tone],
          disabledReason ? 'opacity-55' : '',
          className,
        )}
      >
        {busy ? <LoaderCircle size={16} aria-hidden className="animate-spin" /> : icon}
        {disabledReason && (
          <span id={reasonId} hidden>
            {disabledReason}
          </span>
        )}
      </button>
    </Tooltip>
  );
}

/** The look of a button, for links that act like one. */
export function buttonClass(tone: ButtonTone = 'secondary') {
  return cx('inline-flex h-control shrink-0 items-center justify-center gap-1.5 rounded-control border px-3 text-control font-medium whitespace-nowrap', tones[tone]);
}

const tones: Record<ButtonTone, string> = {
  primary: 'border-transparent bg-accent text-accent-fg not-aria-disabled:hover:bg-accent-hover',
  secondary: 'border-line bg-surface text-ink not-aria-disabled:hover:bg-raised not-aria-disabled:hover:border-line-strong',
  quiet: 'border-transparent text-ink-2 not-aria-disabled:hover:bg-raised not-aria-disabled:hover:text-ink aria-expanded:bg-raised aria-expanded:text-ink',
  danger: 'border-line bg-surface text-danger not-aria-disabled:hover:bg-danger-soft not-aria-disabled:hover:border-danger',
};

function guard(off: boolean, onClick?: (e: MouseEvent<HTMLButtonElement>) => void) {
  if (!off) return onClick;
  return (e: MouseEvent<HTMLButtonElement>) => {
    e.preventDefault();
    e.stopPropagation();
  };
}
