import { ChevronDown } from 'lucide-react';
import type { ComponentPropsWithRef } from 'react';
import { cx } from './cx';

export type Option<T extends string = string> = { value: T; label: string; disabled?: boolean };

type Props<T extends string> = Omit<ComponentPropsWithRef<'select'>, 'onChange' | 'value' | 'children' | 'size'> & {
  value: T | '';
  options: readonly Option<T>[];
  onChange: (value: T) => void;
  /** Shown while nothing is chosen. */
  placeholder?: string;
  quiet?: boolean;
};

/** The platform's own select (keyboard, touch and screen readers for nothing), drawn like the rest where the browser allows. */
export function Select<T extends string>({ value, options, onChange, placeholder, quiet, className, ...rest }: Props<T>) {
  return (
    <span className={cx('relative inline-block min-w-0', className)}>
      <select
        {...rest}
        value={value}
        onChange={(e) => {
          const chosen = options.find((o) => o.value === e.target.value);
          if (chosen) onChange(chosen.value);
        }}
        className={cx(
          'select h-control w-full min-w-0 appearance-none truncate rounded-control border pr-7 pl-2.5 text-left text-control text-ink',
          quiet ? 'border-transparent bg-transparent hover:bg-raised' : 'border-line-strong bg-surface hover:border-ink-3',
          'aria-invalid:border-danger disabled:text-ink-3 pointer-coarse:text-[16px]',
        )}
      >
        {placeholder !== undefined && value === '' && (
          <option value="" disabled>
            {placeholder}
          </option>
        )}
        {options.map((o) => (
          <option key={o.value} value={o.value} disabled={o.disabled}>
            {o.label}
          </option>
        ))}
      </select>
      <ChevronDown size={14} aria-hidden className="pointer-events-none absolute top-1/2 right-2 -translate-y-1/2 text-ink-3" />
    </span>
  );
}
