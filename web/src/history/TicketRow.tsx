import { Link } from '@tanstack/react-router';
import { ChevronDown, CircleDot, Ellipsis, Trash2 } from 'lucide-react';
import { memo, useState } from 'react';
import type { Ticket, TicketStatus } from '../api/types';
import { IconButton } from '../ui/Button';
import { Checkbox } from '../ui/Checkbox';
import { cx } from '../ui/cx';
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from '../ui/Menu';
import { RelativeTime } from '../ui/RelativeTime';
import { ActivityChip, StatusChip, statusLabels, statusOptions } from './TicketState';

/** The columns of a wide row: box, id, title, activity, status, agent where there is room, tenant, time, menu. */
export const columns = 'wide:grid-cols-[28px_72px_minmax(0,1fr)_auto_104px_minmax(0,8rem)_80px_32px] full:grid-cols-[28px_72px_minmax(0,1fr)_auto_104px_minmax(0,9rem)_minmax(0,9rem)_80px_32px]';

type Props = {
  ticket: Ticket;
  selected: boolean;
  selecting: boolean;
  statusOpen: boolean;
  onStatusOpen: (open: boolean) => void;
  onSelect: (key: string, selected: boolean) => void;
  onStatus: (key: string, status: TicketStatus) => void;
  onDelete: (ticket: Ticket) => void;
};

/** One ticket: a table's row where there is room, two lines on a phone. */
export const TicketRow = memo(function TicketRow({ ticket: t, selected, selecting, statusOpen, onStatusOpen, onSelect, onStatus, onDelete }: Props) {
  const [menuOpen, setMenuOpen] = useState(false);
  const waiting = t.status !== 'closed' && t.activity !== 'idle';
  return (
    <li
      data-key={t.key}
      className={cx(
        'group relative grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-2 border-b border-line px-2 py-2 text-control wide:h-row wide:gap-x-3 wide:py-0',
        'has-[a:focus-visible]:bg-raised hover:bg-raised [contain-intrinsic-height:auto_41px] [content-visibility:auto]',
        selected && 'bg-accent-soft!',
        columns,
      )}
    >
      <Checkbox
        label={`Select ${t.key}`}
        hideLabel
        checked={selected}
        onChange={(on) => onSelect(t.key, on)}
        className={cx('relative z-1 justify-center max-wide:hidden!', !selecting && !selected && 'opacity-0 group-hover:opacity-100 group-focus-within:opacity-100')}
      />
      <span className="num truncate font-mono text-meta text-ink-3 max-wide:hidden">{t.key}</span>
      <Link
        to="/tickets/$key"
        params={{ key: t.key }}
        data-row-link
        className="focus-inset truncate rounded-chip font-medium outline-offset-[-2px] after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-control focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-focus max-wide:order-1 max-wide:text-body"
      >
        {t.title}
      </Link>
      <span className="max-wide:hidden">{waiting && <ActivityChip activity={t.activity} />}</span>
      <span className="relative z-1 max-wide:hidden">
        <Menu
          open={statusOpen}
          onOpenChange={onStatusOpen}
          trigger={
            <button type="button" aria-label={`Status of ${t.key}: ${statusLabels[t.status]}`} className="inline-flex min-h-7 items-center gap-0.5 rounded-control px-1 hover:bg-line/60 aria-expanded:bg-line/60">
              <StatusChip status={t.status} />
              <ChevronDown size={12} aria-hidden className="text-ink-3 opacity-0 group-hover:opacity-100 group-focus-within:opacity-100" />
            </button>
          }
        >
          <MenuLabel>Status</MenuLabel>
          <MenuChoice value={t.status} options={statusOptions} onChange={(s) => onStatus(t.key, s)} />
        </Menu>
      </span>
      <span className="truncate text-ink-2 max-full:hidden">{t.agent_name}</span>
      <span className="truncate text-ink-2 max-wide:hidden">{t.tenant_name}</span>
      <RelativeTime at={t.changed_at} className="num text-right whitespace-nowrap text-ink-3 max-wide:hidden" />
      <span className="order-3 col-start-1 mt-1 flex min-w-0 items-center gap-x-2 text-meta text-ink-3 wide:hidden">
        <span className="num font-mono whitespace-nowrap">{t.key}</span>
        <span className="min-w-0 truncate">{t.tenant_name}</span>
        <RelativeTime at={t.changed_at} className="num whitespace-nowrap" />
        <span className="ml-auto">{waiting ? <ActivityChip activity={t.activity} /> : <StatusChip status={t.status} />}</span>
      </span>
      <span className="relative z-1 max-wide:order-2 max-wide:row-span-2 max-wide:row-start-1 max-wide:col-start-2">
        <Menu open={menuOpen} onOpenChange={setMenuOpen} align="end" trigger={<IconButton name={`Actions for ${t.key}`} size="small" icon={<Ellipsis size={16} aria-hidden />} />}>
          <MenuLabel>Status</MenuLabel>
          <MenuChoice value={t.status} options={statusOptions} onChange={(s) => onStatus(t.key, s)} />
          <MenuSeparator />
          <MenuItem icon={<CircleDot size={16} aria-hidden />} keys="x" onSelect={() => onSelect(t.key, !selected)}>
            {selected ? 'Deselect' : 'Select'}
          </MenuItem>
          <MenuItem icon={<Trash2 size={16} aria-hidden />} keys="Del" tone="danger" onSelect={() => onDelete(t)}>
            Delete
          </MenuItem>
        </Menu>
      </span>
    </li>
  );
});
