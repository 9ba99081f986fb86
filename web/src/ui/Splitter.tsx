import { type KeyboardEvent, type PointerEvent, type RefObject, useRef } from 'react';
import { cx } from './cx';

/**
 * The bar between two panes side by side. `value` is the first pane's share in percent. Drag it, or focus it and
 * use the arrow keys, Home, End; a double click halves the room. The owner lays the panes out, so they never remount.
 */
export function Splitter({ label, value, min = 25, max = 75, onChange, box, controls, className }: { label: string; value: number; min?: number; max?: number; onChange: (value: number) => void; box: RefObject<HTMLElement | null>; controls?: string; className?: string }) {
  const dragging = useRef(false);
  const set = (next: number) => onChange(Math.round(Math.min(max, Math.max(min, next)) * 10) / 10);

  const onMove = (e: PointerEvent) => {
    const r = box.current?.getBoundingClientRect();
    if (dragging.current && r && r.width > 0) set(((e.clientX - r.left) / r.width) * 100);
  };
  const onKey = (e: KeyboardEvent) => {
    const step = e.shiftKey ? 10 : 2;
    const next = { ArrowLeft: value - step, ArrowRight: value + step, Home: min, End: max, Enter: 50 }[e.key];
    if (next === undefined) return;
    e.preventDefault();
    set(next);
  };
  return (
    <div
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation="vertical"
      aria-controls={controls}
      aria-valuenow={Math.round(value)}
      aria-valuemin={min}
      aria-valuemax={max}
      aria-valuetext={`${Math.round(value)} percent`}
      onKeyDown={onKey}
      onDoubleClick={() => set(50)}
      onPointerDown={(e) => {
        if (e.button !== 0) return;
        dragging.current = true;
        e.currentTarget.setPointerCapture(e.pointerId);
      }}
      onPointerMove={onMove}
      onLostPointerCapture={() => {
        dragging.current = false;
      }}
      className={cx('group relative z-10 w-px shrink-0 cursor-col-resize touch-none bg-line', className)}
    >
      <span aria-hidden className="absolute inset-y-0 -left-1.5 w-3.25 group-hover:bg-accent/25 group-focus-visible:bg-focus/40 group-active:bg-accent/40" />
    </div>
  );
}
