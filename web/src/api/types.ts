// The nouns of the API as the page uses them.

export type Page<T> = { items: T[]; next?: string };

export type ActorKind = 'user' | 'agent' | 'system';
export type By = { kind: ActorKind; id: string; name: string };

export type User = { id: string; name: string; email: string; admin: boolean };
export type Features = { admin_terminal: boolean };
export type Me = { user: User; tenants: Tenant[]; features: Features };

export type TenantPlace = 'sandbox' | 'host_view';
export type Tenant = { id: string; key: string; name: string; prefix: string; place: TenantPlace; tickets: number; variables: string[]; members: Member[] };
export type Member = { id: string; name: string; email: string };

export type AgentKind = 'remote' | 'model' | 'runbook';
export type Agent = { id: string; name: string; kind: AgentKind; domain: string; description?: string; prompt_suggestions: string[] };
export type Instance = { id: string; agent: string; name: string; all_tenants: boolean; tenants: string[] };

export type TicketStatus = 'open' | 'in_progress' | 'closed';
export type Activity = 'idle' | 'agent_working' | 'waiting_for_you';
export type Ticket = {
  key: string;
  title: string;
  status: TicketStatus;
  solved?: boolean | null;
  activity: Activity;
  agent: string;
  agent_name: string;
  instance: string;
  instance_name: string;
  tenant: string;
  tenant_name: string;
  seq: number;
  held: boolean;
  created_by: By;
  created_at: string;
  changed_at: string;
};

/** One committed fact about one ticket; `seq` has no gaps within the ticket. */
export type TicketEvent = { ticket: string; seq: number; kind: string; at: string; actor: By; data: unknown };

/** A streamed piece of a running turn, numbered from 1 within it. Not history: facts come as events. */
export type Part = { ticket: string; turn: string; n: number; kind: string; text?: string } & Record<string, unknown>;

export type Person = User & { created_at?: string; tenants: string[]; pending?: boolean };
export type Invitation = { id: string; email: string; link: string; expires_at: string };
export type Token = { id: string; name: string; created_at: string; last_used_at?: string | null };
export type NewToken = Token & { token: string };
