import { X } from 'lucide-react';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { Button, IconButton } from './Button';
import { cx } from './cx';
import { type ToastItem, toasts } from './toast';

/** Where toasts appear: one place, mounted once by the shell. */
export function Toasts() {
  const items = useSyncExternalStore(toasts.subscribe, toasts.get);
  return (
    <section aria-label="Notices" className="pointer-events-none fixed inset-x-3 bottom-3 z-40 flex flex-col items-center gap-2 wide:left-auto wide:items-end">
      <div role="status" className="contents">
        {items.map((item) => (
          <Toast key={item.id} item={item} />
        ))}
      </div>
    </section>
  );
}

function Toast({ item }: { item: ToastItem }) {
  const [held, setHeld] = useState(false);
  const left = useRef(item.until - Date.now());
  useEffect(() => {
    if (held) return;
    const started = Date.now();
    const timer = window.setTimeout(() => toasts.dismiss(item.id), Math.max(0, left.current));
    return () => {
      window.clearTimeout(timer);
      left.current -= Date.now() - started;
    };
  }, [held, item.id]);
  const run = item.action?.run;
  return (
    <div
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
      className={cx(
        'layer-in pointer-events-auto flex w-full max-w-96 items-center gap-2 rounded-card border bg-surface py-1.5 pr-1.5 pl-3 text-control shadow-layer',
        item.tone === 'danger' ? 'border-danger' : 'border-line',
      )}
    >
      <span className={cx('min-w-0 flex-1', item.tone === 'danger' && 'text-danger')}>{item.text}</span>
      {run && (
        <Button
          size="small"
          onClick={() => {
            toasts.dismiss(item.id);
            run();
          }}
        >
          {item.action?.label}
        </Button>
      )}
      <IconButton name="Dismiss" icon={<X size={14} aria-hidden />} size="small" onClick={() => toasts.dismiss(item.id)} />
    </div>
  );
}
