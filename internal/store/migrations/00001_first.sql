-- One text for SQLite and PostgreSQL. Times are microseconds since 1970 UTC, 0 where there is none.
-- Columns named *_by hold {kind,id,name}. What belongs to a ticket refers to it together with its tenant, so
-- that the database itself refuses a row that would join one tenant's ticket to another's.

-- +goose Up
CREATE TABLE tenants (
    id         TEXT PRIMARY KEY,
    key        TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    prefix     TEXT NOT NULL UNIQUE,
    tickets    BIGINT NOT NULL DEFAULT 0,
    place      TEXT NOT NULL,
    slot       BIGINT NOT NULL UNIQUE,
    outbound   TEXT NOT NULL DEFAULT '', -- what its private sandboxes may connect to: host:port, separated by blanks
    created_at BIGINT NOT NULL
);
CREATE TABLE variables (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    name   TEXT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
);
CREATE TABLE users (
    id          TEXT PRIMARY KEY,
    email       TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    admin       BOOLEAN NOT NULL,
    password    TEXT NOT NULL DEFAULT '',
    disabled_at BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL
);
CREATE TABLE members (
    tenant  TEXT NOT NULL REFERENCES tenants (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (tenant, user_id)
);
CREATE INDEX members_user ON members (user_id);
-- Single-use links: only a hash of the secret is kept.
CREATE TABLE links (
    hash       TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id),
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    hash       TEXT NOT NULL UNIQUE,
    user_id    TEXT NOT NULL REFERENCES users (id),
    client     TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    hash       TEXT NOT NULL UNIQUE,
    user_id    TEXT NOT NULL REFERENCES users (id),
    name       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX tokens_user ON tokens (user_id);
CREATE TABLE agents (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL,
    kind               TEXT NOT NULL,
    domain             TEXT NOT NULL,
    description        TEXT NOT NULL,
    prompt_suggestions TEXT NOT NULL
);
CREATE TABLE instances (
    id          TEXT PRIMARY KEY,
    agent       TEXT NOT NULL REFERENCES agents (id),
    name        TEXT NOT NULL,
    all_tenants BOOLEAN NOT NULL
);
CREATE TABLE instance_tenants (
    instance TEXT NOT NULL REFERENCES instances (id),
    tenant   TEXT NOT NULL REFERENCES tenants (id),
    PRIMARY KEY (instance, tenant)
);
CREATE TABLE tickets (
    key        TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    title      TEXT NOT NULL,
    status     TEXT NOT NULL,
    solved     TEXT NOT NULL DEFAULT '',
    activity   TEXT NOT NULL,
    agent      TEXT NOT NULL,
    instance   TEXT NOT NULL,
    workspace  BIGINT NOT NULL,
    closing    BOOLEAN NOT NULL DEFAULT FALSE,
    held       BOOLEAN NOT NULL DEFAULT FALSE,
    seq        BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL DEFAULT 0,
    UNIQUE (key, tenant)
);
-- Lists are merged from one branch for each tenant and status, so two indexes serve them all.
CREATE INDEX tickets_tenant ON tickets (tenant, status, changed_at DESC, key DESC) WHERE deleted_at = 0;
CREATE INDEX tickets_status ON tickets (status, changed_at DESC, key DESC) WHERE deleted_at = 0;
CREATE INDEX tickets_active ON tickets (activity, changed_at DESC, key DESC) WHERE deleted_at = 0 AND activity <> 'idle';
CREATE INDEX tickets_closing ON tickets (key) WHERE closing;
CREATE INDEX tickets_purge ON tickets (deleted_at) WHERE deleted_at > 0;
CREATE TABLE events (
    ticket TEXT NOT NULL,
    seq    BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    kind   TEXT NOT NULL,
    at     BIGINT NOT NULL,
    actor  TEXT NOT NULL,
    data   TEXT NOT NULL,
    PRIMARY KEY (ticket, seq),
    FOREIGN KEY (ticket, tenant) REFERENCES tickets (key, tenant)
);
CREATE INDEX events_conversation ON events (ticket, seq)
    WHERE kind IN ('MessagePosted', 'TurnSent', 'SuggestionProposed');
CREATE INDEX events_workspace ON events (ticket, seq) WHERE kind IN ('WorkspaceOpened', 'WorkspaceRemoved');
CREATE INDEX events_asked ON events (ticket, seq) WHERE kind IN ('QuestionAsked', 'TurnSent');
CREATE TABLE turns (
    id          TEXT PRIMARY KEY,
    ticket      TEXT NOT NULL,
    tenant      TEXT NOT NULL,
    message     TEXT NOT NULL,
    agent       TEXT NOT NULL,
    instance    TEXT NOT NULL,
    state       TEXT NOT NULL,
    queued_by   TEXT NOT NULL,
    queued_user TEXT NOT NULL,
    fence       BIGINT NOT NULL DEFAULT 0,
    owner       TEXT NOT NULL DEFAULT '',
    lease_until BIGINT NOT NULL DEFAULT 0,
    sent_at     BIGINT NOT NULL DEFAULT 0,
    draft       TEXT NOT NULL DEFAULT '',
    reason      TEXT NOT NULL DEFAULT '',
    queued_at   BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (ticket, tenant) REFERENCES tickets (key, tenant)
);
CREATE INDEX turns_open ON turns (state, queued_at, id) WHERE state IN ('queued', 'running');
CREATE INDEX turns_ticket ON turns (ticket);
CREATE INDEX turns_waiting ON turns (ticket, queued_at, id) WHERE state IN ('queued', 'running');
-- One turn at a time works on a ticket.
CREATE UNIQUE INDEX turns_one ON turns (ticket) WHERE state = 'running';
CREATE INDEX turns_day ON turns (queued_user, queued_at);
CREATE TABLE agent_states (
    ticket   TEXT NOT NULL,
    instance TEXT NOT NULL,
    tenant   TEXT NOT NULL,
    state    TEXT NOT NULL,
    PRIMARY KEY (ticket, instance),
    FOREIGN KEY (ticket, tenant) REFERENCES tickets (key, tenant)
);
CREATE TABLE suggestions (
    id         TEXT PRIMARY KEY,
    ticket     TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    turn       TEXT NOT NULL,
    agent      TEXT NOT NULL,
    instance   TEXT NOT NULL,
    position   BIGINT NOT NULL,
    state      TEXT NOT NULL,
    command    TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    expected   TEXT NOT NULL,
    scope      TEXT NOT NULL,
    place      TEXT NOT NULL,
    cwd        TEXT NOT NULL,
    files      TEXT NOT NULL,
    risk       TEXT NOT NULL,
    env_names  TEXT NOT NULL,
    digest     TEXT NOT NULL,
    decided    TEXT NOT NULL DEFAULT '',
    decided_at BIGINT NOT NULL DEFAULT 0,
    run        TEXT NOT NULL DEFAULT '',
    delivered  BOOLEAN NOT NULL DEFAULT FALSE,
    note       TEXT NOT NULL DEFAULT '',
    at         BIGINT NOT NULL,
    FOREIGN KEY (ticket, tenant) REFERENCES tickets (key, tenant)
);
CREATE INDEX suggestions_ticket ON suggestions (ticket, at, position, id);
CREATE INDEX suggestions_due ON suggestions (ticket, instance, at, position, id) WHERE NOT delivered AND state <> 'proposed';
CREATE INDEX suggestions_proposed ON suggestions (ticket) WHERE state = 'proposed';
CREATE INDEX suggestions_approved ON suggestions (decided_at) WHERE state = 'approved';
-- Decisions are written once and never changed.
CREATE TABLE decisions (
    id         TEXT PRIMARY KEY,
    suggestion TEXT NOT NULL,
    ticket     TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    decision   TEXT NOT NULL,
    at         BIGINT NOT NULL,
    FOREIGN KEY (ticket, tenant) REFERENCES tickets (key, tenant)
);
CREATE INDEX decisions_ticket ON decisions (ticket);
CREATE TABLE runs (
    id         TEXT PRIMARY KEY,
    suggestion TEXT NOT NULL,
    decision   TEXT NOT NULL UNIQUE,
    ticket     TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    turn       TEXT NOT NULL DEFAULT '',
    epoch      TEXT NOT NULL DEFAULT '',
    state      TEXT NOT NULL,
    run_by     TEXT NOT NULL,
    claimed_at BIGINT NOT NULL DEFAULT 0,
    queued_at  BIGINT NOT NULL,
    outcome    TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (ticket, tenant) REFERENCES tickets (key, tenant)
);
CREATE INDEX runs_ticket ON runs (ticket, queued_at, id);
CREATE INDEX runs_open ON runs (state, queued_at) WHERE state IN ('waiting', 'claimed');
-- One run at a time per place and ticket.
CREATE UNIQUE INDEX runs_one ON runs (ticket) WHERE state = 'claimed';
CREATE TABLE terminals (
    id        TEXT PRIMARY KEY,
    ticket    TEXT NOT NULL,
    tenant    TEXT NOT NULL,
    scope     TEXT NOT NULL,
    place     TEXT NOT NULL,
    title     TEXT NOT NULL,
    state     TEXT NOT NULL,
    epoch     TEXT NOT NULL,
    cols      BIGINT NOT NULL,
    rows      BIGINT NOT NULL,
    opened_by TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    ended_at  BIGINT NOT NULL DEFAULT 0,
    reason    TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (ticket, tenant) REFERENCES tickets (key, tenant)
);
CREATE INDEX terminals_ticket ON terminals (ticket, opened_at, id);
CREATE INDEX terminals_live ON terminals (state) WHERE state = 'live';
-- Which launchers are alive, so that one node knows another's Runs and Terminals from those of a lost one.
CREATE TABLE nodes (
    epoch   TEXT PRIMARY KEY,
    seen_at BIGINT NOT NULL
);
CREATE TABLE idempotency (
    actor  TEXT NOT NULL,
    key    TEXT NOT NULL,
    hash   TEXT NOT NULL,
    result TEXT NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_at ON idempotency (at);
-- The audit holds who, what, ids and hashes, and no content, so that a ticket can be erased and it still stands.
CREATE TABLE audit (
    id     TEXT PRIMARY KEY,
    at     BIGINT NOT NULL,
    actor  TEXT NOT NULL,
    action TEXT NOT NULL,
    tenant TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_target ON audit (target, at);
