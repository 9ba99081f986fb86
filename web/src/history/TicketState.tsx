import type { Activity, Ticket, TicketStatus } from '../api/types';
import { Chip, type Tone } from '../ui/Chip';

export const statusLabels: Record<TicketStatus, string> = { open: 'Open', in_progress: 'In Progress', closed: 'Closed' };
export const statusOptions = (['open', 'in_progress', 'closed'] as const).map((value) => ({ value, label: statusLabels[value] }));
const statusTones: Record<TicketStatus, Tone> = { open: 'info', in_progress: 'accent', closed: 'neutral' };

/** What people set. */
export function StatusChip({ status }: { status: TicketStatus }) {
  return <Chip tone={statusTones[status]}>{statusLabels[status]}</Chip>;
}

/** What the ticket is at, derived; idle is not worth a word. */
export function ActivityChip({ activity }: { activity: Activity }) {
  if (activity === 'waiting_for_you') return <Chip tone="warn">Waiting for you</Chip>;
  if (activity === 'agent_working') return <Chip tone="agent">Agent working</Chip>;
  return null;
}

/** The most telling word about a ticket, where there is room for one. */
export function TicketState({ ticket }: { ticket: Pick<Ticket, 'status' | 'activity'> }) {
  if (ticket.status !== 'closed' && ticket.activity !== 'idle') return <ActivityChip activity={ticket.activity} />;
  return <StatusChip status={ticket.status} />;
}
