import { cloneElement, lazy, type ReactElement, type ReactNode, Suspense, useRef, useState } from 'react';

export type ComboItem = { value: string; label: string; note?: ReactNode; keywords?: string[] };

export type ComboboxProps = {
  label: string;
  items: readonly ComboItem[];
  value?: string;
  onSelect: (value: string) => void;
  /** The caller finds the items (the server's search); without it they are filtered here. */
  onSearch?: (words: string) => void;
  placeholder?: string;
  empty?: ReactNode;
  align?: 'start' | 'end';
};

const load = () => import('./ComboboxLayer');
const ComboboxLayer = lazy(() => load().then((m) => ({ default: m.ComboboxLayer })));

type TriggerProps = { ref?: React.Ref<HTMLButtonElement>; 'aria-haspopup'?: 'dialog'; 'aria-expanded'?: boolean; onClick?: () => void; onPointerEnter?: () => void; onFocus?: () => void };

/** A list to type into, opened by `trigger`, one Button. The list's code is loaded when it is about to be used. */
export function Combobox({ trigger, ...list }: ComboboxProps & { trigger: ReactElement<TriggerProps> }) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      {cloneElement(trigger, { ref: button, 'aria-haspopup': 'dialog', 'aria-expanded': open, onClick: () => setOpen(!open), onPointerEnter: () => void load(), onFocus: () => void load() })}
      {open && (
        <Suspense>
          <ComboboxLayer {...list} anchor={button} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
