import { Command } from 'cmdk';
import { Check } from 'lucide-react';
import { Popover } from 'radix-ui';
import type { RefObject } from 'react';
import type { ComboboxProps } from './Combobox';
import { cx } from './cx';
import { useLayer } from './Layer';
import { layerClass } from './Menu';

export function ComboboxLayer({ label, items, value, onSelect, onSearch, placeholder, empty = 'Nothing found.', align = 'start', anchor, onClose }: ComboboxProps & { anchor: RefObject<HTMLButtonElement | null>; onClose: () => void }) {
  const layer = useLayer();
  return (
    <Popover.Root open onOpenChange={(open) => !open && onClose()}>
      <Popover.Anchor virtualRef={{ current: { getBoundingClientRect: () => anchor.current?.getBoundingClientRect() ?? new DOMRect() } }} />
      <Popover.Portal container={layer}>
        <Popover.Content
          align={align}
          sideOffset={4}
          collisionPadding={8}
          aria-label={label}
          className={cx(layerClass, 'w-80 max-w-[92vw] p-0')}
          onCloseAutoFocus={(e) => {
            e.preventDefault();
            anchor.current?.focus();
          }}
          // A press on the trigger closes by itself; closing here too would open again.
          onInteractOutside={(e) => e.target instanceof Node && anchor.current?.contains(e.target) && e.preventDefault()}
        >
          <Command label={label} shouldFilter={!onSearch} className="flex flex-col">
            <Command.Input autoFocus onValueChange={onSearch} placeholder={placeholder ?? label} className="h-control border-b border-line bg-transparent px-3 text-control outline-none pointer-coarse:text-[16px]" />
            <Command.List className="max-h-72 overflow-y-auto p-1">
              {items.map((item) => (
                <Command.Item
                  key={item.value}
                  value={item.value}
                  keywords={[item.label, ...(item.keywords ?? [])]}
                  onSelect={() => {
                    onClose();
                    onSelect(item.value);
                  }}
                  className="flex min-h-[max(30px,calc(var(--control)-2px))] items-center gap-2 rounded-chip px-2 text-control data-[selected=true]:bg-raised"
                >
                  <span className="min-w-0 flex-1 truncate">{item.label}</span>
                  {item.note && <span className="shrink-0 text-meta text-ink-3">{item.note}</span>}
                  {item.value === value && <Check size={16} aria-hidden className="text-accent" />}
                </Command.Item>
              ))}
            </Command.List>
            <Command.Empty className="px-3 pb-4 text-center text-control text-ink-3">{empty}</Command.Empty>
          </Command>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
