import type { Ticket, TicketStatus } from '../api/types';
import type { Canvas } from './canvas';
import { known } from './facts';

type Named = { id: string; name: string };

/** What the ticket's header shows, with what the log says of it since it was read. */
export type Head = { key: string; title: string; status: TicketStatus; solved: boolean | null; agent: Named; instance: Named; tenant: Named; held: boolean; seq: number };

const kinds = new Set(['TicketRenamed', 'TicketStatusChanged', 'TicketAssigned']);

export function headOf(ticket: Ticket): Head {
  return {
    key: ticket.key,
    title: ticket.title,
    status: ticket.status,
    solved: ticket.solved ?? null,
    agent: { id: ticket.agent, name: ticket.agent_name },
    instance: { id: ticket.instance, name: ticket.instance_name },
    tenant: { id: ticket.tenant, name: ticket.tenant_name },
    held: ticket.held,
    seq: ticket.seq,
  };
}

/** The head after the events that came since it was read; the very same object where none of them touches it. */
export function withEvents(head: Head, events: Canvas['events']): Head {
  let out = head;
  for (const raw of events) {
    if (raw.seq <= head.seq || !kinds.has(raw.kind)) continue;
    const e = known(raw);
    if (e?.kind === 'TicketRenamed') out = { ...out, title: e.data.to };
    if (e?.kind === 'TicketStatusChanged') out = { ...out, status: e.data.to, solved: e.data.solved ?? null };
    if (e?.kind === 'TicketAssigned') out = { ...out, agent: { id: e.data.agent, name: e.data.agent_name }, instance: { id: e.data.instance, name: e.data.instance_name } };
  }
  return out;
}
