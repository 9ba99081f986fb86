import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { Kbd } from './Kbd';

const openDelay = 400;

/**
 * Shows a short text beside its only child on hover and on keyboard focus. It is for the eyes only: the child
 * carries its own name and description, so nothing here is announced twice.
 */
export function Tooltip({ text, keys, side = 'bottom', children }: { text: ReactNode; keys?: string; side?: 'bottom' | 'top' | 'right'; children: ReactNode }) {
  const anchor = useRef<HTMLSpanElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const timer = useRef(0);
  const [open, setOpen] = useState(false);
  const id = useId();

  const show = (delay: number) => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setOpen(true), delay);
  };
  // A moment's grace lets the pointer move onto the tooltip itself.
  const hide = (delay = 80) => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setOpen(false), delay);
  };
  useEffect(() => () => window.clearTimeout(timer.current), []);

  useEffect(() => {
    const target = anchor.current?.firstElementChild;
    const tip = layer.current;
    if (!open || !target || !tip) return;
    tip.showPopover?.();
    place(tip, target.getBoundingClientRect(), side);
    const close = () => setOpen(false);
    const onKey = (e: KeyboardEvent) => e.key === 'Escape' && close();
    window.addEventListener('keydown', onKey, true);
    window.addEventListener('scroll', close, true);
    return () => {
      window.removeEventListener('keydown', onKey, true);
      window.removeEventListener('scroll', close, true);
    };
  }, [open, side]);

  return (
    <span
      ref={anchor}
      className="contents"
      onPointerEnter={(e) => e.pointerType === 'mouse' && show(openDelay)}
      onPointerLeave={() => hide()}
      onPointerDown={() => hide(0)}
      onFocus={(e) => e.target.matches(':focus-visible') && show(0)}
      onBlur={() => hide(0)}
    >
      {children}
      {open && (
        <div
          ref={layer}
          id={id}
          popover="manual"
          aria-hidden="true"
          className="fixed m-0 max-w-72 rounded-control bg-ink px-2 py-1 text-meta font-normal text-bg shadow-layer"
          onPointerEnter={() => window.clearTimeout(timer.current)}
        >
          {text}
          {keys && <Kbd keys={keys} inverse className="ml-2" />}
        </div>
      )}
    </span>
  );
}

function place(tip: HTMLElement, at: DOMRect, side: 'bottom' | 'top' | 'right') {
  const gap = 6;
  const { width, height } = tip.getBoundingClientRect();
  let left = side === 'right' ? at.right + gap : at.left + at.width / 2 - width / 2;
  let top = side === 'right' ? at.top + at.height / 2 - height / 2 : at.bottom + gap;
  if (side === 'top' || top + height > window.innerHeight - gap) top = at.top - height - gap;
  left = Math.min(Math.max(gap, left), window.innerWidth - width - gap);
  tip.style.left = `${left}px`;
  tip.style.top = `${Math.max(gap, top)}px`;
}
