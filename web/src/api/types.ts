// The nouns of the API as the page uses them, from the generated schema.
import type { components } from './__generated__/schema';
import type { Lists } from './client';

type Schemas = Lists<components['schemas']>;

export type Page<T> = { items: T[]; next?: string };

export type ActorKind = 'user' | 'agent' | 'system';
export type By = Schemas['By'];
export type User = Schemas['User'];
export type Features = Schemas['Features'];
export type Me = Schemas['Me'];
export type Tenant = Schemas['Tenant'];
export type TenantPlace = Tenant['place'];
export type Member = Schemas['Member'];
export type Agent = Schemas['Agent'];
export type Instance = Schemas['Instance'];
export type Ticket = Schemas['Ticket'];
export type TicketStatus = Ticket['status'];
export type Activity = Ticket['activity'];
export type Person = Schemas['Person'];
export type Invitation = Schemas['Invitation'];
export type Token = Schemas['Token'];
export type NewToken = Schemas['NewToken'];
export type Session = Schemas['Session'];

/** One committed fact about one ticket; `seq` has no gaps within the ticket. */
export type TicketEvent = Schemas['Event'];

// What only the event stream carries is not in the schema; docs/api/events.md has it.

/** A streamed piece of a running turn, numbered from 1 within it. Not history: facts come as events. */
export type Part = { ticket: string; turn: string; n: number; kind: string; text?: string } & Record<string, unknown>;

/** Where a ticket stands now, told to whoever watches the list. */
export type TicketChanged = Pick<Ticket, 'key' | 'seq' | 'tenant' | 'title' | 'status' | 'activity' | 'changed_at'> & { deleted?: boolean };
