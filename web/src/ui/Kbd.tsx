import { cx } from './cx';

const mac = typeof navigator !== 'undefined' && /Mac|iP(hone|ad)/.test(navigator.platform);
const shown: Record<string, string> = mac
  ? { Ctrl: '⌘', Alt: '⌥', Shift: '⇧', Enter: '↵', Del: '⌫' }
  : { Enter: '↵' };

/** Keys as they are written on the keyboard: "Ctrl+K", or "g h" for one after the other. */
export function Kbd({ keys, inverse, className }: { keys: string; inverse?: boolean; className?: string }) {
  return (
    <span className={cx('inline-flex items-center gap-0.5', className)}>
      {keys.split(/[+ ]/).map((key) => (
        <kbd
          key={key}
          className={cx(
            'inline-flex h-4.5 min-w-4.5 items-center justify-center rounded-chip border px-1 font-sans text-[11px] leading-none font-medium',
            inverse ? 'border-bg/30 text-bg' : 'border-line bg-surface text-ink-3',
          )}
        >
          {shown[key] ?? key}
        </kbd>
      ))}
    </span>
  );
}
