package store

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"helpdesk"
)

// Entry is one line of the audit: who did what to what, with ids and hashes and no content.
type Entry struct {
	At     time.Time
	By     helpdesk.By
	Action string // "ticket.delete", "suggestion.execute" …
	Tenant helpdesk.TenantID
	Target string
	Detail map[string]string
}

// Audit writes a line of the audit in this transaction, under this transaction's tenant.
func (t *Tx) Audit(e Entry) error {
	e.Tenant = t.tenant
	return t.audit(e)
}

func (t *Tx) audit(e Entry) error {
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return t.later(nil, `INSERT INTO audit (id, at, actor, action, tenant, target, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		id.String(), micros(e.At), packBy(e.By), e.Action, string(e.Tenant), e.Target, string(detail))
}

// AuditOf reads the audit of one target, oldest first.
func (t *Tx) AuditOf(target string) ([]Entry, error) {
	where, args := t.within("tenant")
	var all []Entry
	err := t.each(func(r row) error {
		var e Entry
		var at int64
		var by, detail string
		if err := r.Scan(&at, &by, &e.Action, &e.Tenant, &e.Target, &detail); err != nil {
			return err
		}
		e.At = fromMicros(at)
		if err := json.Unmarshal([]byte(detail), &e.Detail); err != nil {
			return err
		}
		var err error
		e.By, err = unpackBy(by)
		all = append(all, e)
		return err
	}, `SELECT at, actor, action, tenant, target, detail FROM audit WHERE target = ? AND `+where+` ORDER BY at, id`, append([]any{target}, args...)...)
	return all, err
}

// Audit writes a line of the audit in this transaction, under the entry's tenant, or none.
func (s *System) Audit(e Entry) error { return s.tx.audit(e) }
