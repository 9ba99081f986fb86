import { type ComponentPropsWithRef, type ReactNode, useLayoutEffect, useRef } from 'react';
import { cx } from './cx';

const control =
  'w-full min-w-0 rounded-control border border-line-strong bg-surface px-2.5 text-ink hover:border-ink-3 aria-invalid:border-danger read-only:bg-raised disabled:bg-raised pointer-coarse:text-[16px]';

export type InputProps = ComponentPropsWithRef<'input'> & { icon?: ReactNode; mono?: boolean };

export function Input({ icon, mono, className, ...rest }: InputProps) {
  const input = (
    <input
      spellCheck={false}
      {...rest}
      data-autofocus={rest.autoFocus || undefined}
      className={cx(control, 'h-control text-control', Boolean(icon) && 'pl-8', mono && 'font-mono', !icon && className)}
    />
  );
  if (!icon) return input;
  return (
    <span className={cx('relative block', className)}>
      <span className="pointer-events-none absolute inset-y-0 left-2.5 flex items-center text-ink-3">{icon}</span>
      {input}
    </span>
  );
}

export type TextareaProps = ComponentPropsWithRef<'textarea'> & {
  mono?: boolean;
  /** No border of its own: it sits in a box that has one. */
  bare?: boolean;
};

const growsByItself = typeof CSS !== 'undefined' && CSS.supports?.('field-sizing', 'content');

/** Grows with its text up to the max-height its class gives. */
export function Textarea({ mono, bare, rows = 3, className, value, ref, ...rest }: TextareaProps) {
  const own = useRef<HTMLTextAreaElement | null>(null);
  useLayoutEffect(() => {
    const el = own.current;
    if (growsByItself || !el) return;
    el.style.height = 'auto';
    el.style.height = `${el.scrollHeight + 2}px`;
  }, [value]);
  return (
    <textarea
      {...rest}
      data-autofocus={rest.autoFocus || undefined}
      ref={(el) => {
        own.current = el;
        if (typeof ref === 'function') return ref(el);
        if (ref) ref.current = el;
      }}
      rows={rows}
      value={value}
      style={{ minHeight: `${rows * 21 + 18}px` }}
      className={cx(
        bare ? 'w-full min-w-0 bg-transparent px-3 outline-none pointer-coarse:text-[16px]' : control,
        'block resize-none py-2 text-body field-sizing-content',
        mono && 'font-mono text-control',
        className,
      )}
    />
  );
}
