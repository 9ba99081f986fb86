import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';
import { Check } from 'lucide-react';
import { cx } from './cx';
import { Kbd } from './Kbd';
import { useLayer } from './Layer';

export const layerClass = 'layer-in z-50 rounded-card border border-line bg-surface p-1 text-control text-ink shadow-layer';
const itemClass =
  'flex min-h-[max(30px,calc(var(--control)-2px))] cursor-default items-center gap-2 rounded-chip px-2 outline-none select-none data-highlighted:bg-raised data-disabled:opacity-55';

/** A button's menu. `trigger` is one Button or IconButton. */
export function Menu({ trigger, align = 'start', open, onOpenChange, children }: { trigger: ReactNode; align?: 'start' | 'end'; open?: boolean; onOpenChange?: (open: boolean) => void; children: ReactNode }) {
  const layer = useLayer();
  return (
    <DropdownMenu.Root modal={false} open={open} onOpenChange={onOpenChange}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal container={layer}>
        <DropdownMenu.Content align={align} sideOffset={4} collisionPadding={8} className={cx(layerClass, 'min-w-44')}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

type ItemProps = { icon?: ReactNode; keys?: string; tone?: 'danger'; disabledReason?: string | false; onSelect: () => void; children: ReactNode };

export function MenuItem({ icon, keys, tone, disabledReason, onSelect, children }: ItemProps) {
  return (
    <DropdownMenu.Item disabled={Boolean(disabledReason)} onSelect={onSelect} className={cx(itemClass, tone === 'danger' && 'text-danger data-highlighted:bg-danger-soft')}>
      {icon}
      <span className="min-w-0 flex-1">
        <span className="block truncate">{children}</span>
        {disabledReason && <span className="block max-w-60 text-meta whitespace-normal text-ink-3">{disabledReason}</span>}
      </span>
      {keys && <Kbd keys={keys} className="ml-4" />}
    </DropdownMenu.Item>
  );
}

export function MenuLink({ icon, children, asChild }: { icon?: ReactNode; asChild?: boolean; children: ReactNode }) {
  return (
    <DropdownMenu.Item asChild={asChild} className={itemClass}>
      {asChild ? children : <span>{icon}{children}</span>}
    </DropdownMenu.Item>
  );
}

/** One of several values; the chosen one carries a check. */
export function MenuChoice<T extends string>({ value, options, onChange }: { value: T; options: readonly { value: T; label: ReactNode; keys?: string }[]; onChange: (value: T) => void }) {
  return (
    <DropdownMenu.RadioGroup value={value}>
      {options.map((o) => (
        <DropdownMenu.RadioItem key={o.value} value={o.value} onSelect={() => onChange(o.value)} className={itemClass}>
          <span className="min-w-0 flex-1 truncate">{o.label}</span>
          {o.keys && <Kbd keys={o.keys} />}
          <DropdownMenu.ItemIndicator>
            <Check size={16} aria-hidden className="text-accent" />
          </DropdownMenu.ItemIndicator>
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <DropdownMenu.Label className="px-2 pt-1.5 pb-1 text-meta text-ink-3">{children}</DropdownMenu.Label>;
}

export function MenuSeparator() {
  return <DropdownMenu.Separator className="-mx-1 my-1 h-px bg-line" />;
}
