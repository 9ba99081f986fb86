import { X } from 'lucide-react';
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { Button, IconButton } from './Button';
import { cx } from './cx';
import { Field } from './Field';
import { Input } from './Input';
import { LayerContext } from './Layer';

type Shell = { open: boolean; onClose: () => void; title: string; description?: ReactNode; children?: ReactNode };

/**
 * A modal layer on the platform's own dialog: focus stays inside, the page behind is inert, Escape closes, and
 * focus returns to whatever opened it.
 */
export function Dialog({ open, onClose, title, description, footer, onSubmit, wide, children }: Shell & { footer?: ReactNode; onSubmit?: () => void; wide?: boolean }) {
  return (
    <Modal open={open} onClose={onClose} title={title} description={description} className={wide ? 'w-[44rem]' : 'w-[28rem]'} closable>
      <form
        className="flex min-h-0 flex-1 flex-col"
        onSubmit={(e: FormEvent) => {
          e.preventDefault();
          onSubmit?.();
        }}
      >
        <div className="flex min-h-0 flex-1 flex-col gap-4 overflow-y-auto px-4 pt-1 pb-4">{children}</div>
        {footer && <div className="flex flex-wrap items-center justify-end gap-2 border-t border-line px-4 py-3">{footer}</div>}
      </form>
    </Modal>
  );
}

/** Asks before what cannot be undone. With `typed`, the button waits until that name was typed. */
export function AlertDialog({ open, onClose, title, description, confirm, typed, busy, onConfirm }: Shell & { confirm: string; typed?: string; busy?: boolean; onConfirm: () => void }) {
  const [text, setText] = useState('');
  const ready = !typed || text.trim() === typed;
  return (
    <Modal open={open} onClose={onClose} title={title} description={description} className="w-[26rem]" role="alertdialog">
      <form
        className="flex flex-col gap-4 px-4 pb-4"
        onSubmit={(e: FormEvent) => {
          e.preventDefault();
          if (ready && !busy) onConfirm();
        }}
      >
        {typed && (
          <Field label={`Type ${typed} to confirm`}>{(c) => <Input {...c} mono value={text} onChange={(e) => setText(e.target.value)} autoComplete="off" />}</Field>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose} autoFocus={!typed}>
            Cancel
          </Button>
          <Button tone="danger" type="submit" busy={busy} disabledReason={!ready && `Type ${typed} first.`}>
            {confirm}
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function Modal({ open, onClose, title, description, className, role, closable, children }: Shell & { className: string; role?: 'alertdialog'; closable?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  const [layer, setLayer] = useState<HTMLElement | null>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (!open || !dialog) return;
    const opener = document.activeElement;
    dialog.showModal();
    // The dialog itself would give the focus to its close button. React's autoFocus came too early: nothing was shown.
    const first = dialog.querySelector<HTMLElement>('[data-autofocus]') ?? dialog.querySelector<HTMLElement>('form :is(input:not([type=checkbox], [readonly]), textarea, select)');
    first?.focus();
    setLayer(dialog);
    return () => {
      dialog.close();
      // The opener may be gone (a row that was deleted); the page's title is then the place to go on from.
      if (opener instanceof HTMLElement && opener !== document.body && opener.isConnected) opener.focus();
      else document.querySelector<HTMLElement>('h1')?.focus();
    };
  }, [open]);
  if (!open) return null;
  return (
    <dialog
      ref={ref}
      role={role}
      aria-labelledby={`${id}-title`}
      aria-describedby={description ? `${id}-text` : undefined}
      className={cx('layer-in max-h-[min(44rem,calc(100dvh-2rem))] max-w-[calc(100vw-1.5rem)] flex-col rounded-card border border-line bg-surface text-ink shadow-layer open:flex', className)}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onPointerDown={(e) => closable && e.target === e.currentTarget && outside(e.currentTarget, e.clientX, e.clientY) && onClose()}
    >
      <LayerContext value={layer}>
        <header className="flex items-start gap-2 px-4 pt-4 pb-3">
          <div className="min-w-0 flex-1">
            <h2 id={`${id}-title`} className="text-title font-semibold">
              {title}
            </h2>
            {description && (
              <div id={`${id}-text`} className="mt-1 text-control text-ink-2">
                {description}
              </div>
            )}
          </div>
          {closable && <IconButton name="Close" icon={<X size={16} aria-hidden />} size="small" onClick={onClose} className="-mt-1 -mr-1" />}
        </header>
        {children}
      </LayerContext>
    </dialog>
  );
}

function outside(el: HTMLElement, x: number, y: number) {
  const r = el.getBoundingClientRect();
  return x < r.left || x > r.right || y < r.top || y > r.bottom;
}
