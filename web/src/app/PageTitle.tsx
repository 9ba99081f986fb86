import { type ReactNode, useEffect, useRef } from 'react';
import { cx } from '../ui/cx';

let firstPage = true;

/**
 * The one h1 of a page. It names the window, and takes the focus when one came here from another page, so that the
 * keyboard and a screen reader start at the new page's top.
 */
export function PageTitle({ children, title, className }: { children: ReactNode; /** For the window, where the heading alone would not do. */ title?: string; className?: string }) {
  const ref = useRef<HTMLHeadingElement>(null);
  const name = title ?? (typeof children === 'string' ? children : '');
  useEffect(() => {
    if (name) document.title = `${name} · AI HelpDesk`;
  }, [name]);
  useEffect(() => {
    // A field that asked for the focus keeps it.
    const taken = document.activeElement?.matches('input, textarea');
    if (!firstPage && !taken) ref.current?.focus({ preventScroll: true });
    firstPage = false;
  }, []);
  return (
    <h1 ref={ref} tabIndex={-1} className={cx('text-page font-semibold text-balance', className)}>
      {children}
    </h1>
  );
}
