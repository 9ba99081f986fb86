package store

import (
	"encoding/json"
	"time"

	"helpdesk"
)

// Once makes a request that carries an Idempotency-Key take effect once. The zero Once repeats freely.
type Once struct {
	Actor string // who asks: keys of different actors never meet
	Key   string
	Hash  string // of operation and body
}

// Recall looks whether the request was carried out before and, if so, reads its result into result. The same
// key with another body is Invalid.
func (t *Tx) Recall(o Once, result any) (found bool, err error) {
	if o.Key == "" {
		return false, nil
	}
	err = t.each(func(r row) error {
		var hash, packed string
		if err := r.Scan(&hash, &packed); err != nil {
			return err
		}
		if hash != o.Hash {
			return helpdesk.Errorf(helpdesk.Invalid, "This Idempotency-Key was used for another request in the last 24 hours. Use a new key for a new request.")
		}
		found = true
		return json.Unmarshal([]byte(packed), result)
	}, `SELECT hash, result FROM idempotency WHERE actor = ? AND key = ?`, o.Actor, o.Key)
	return found, err
}

// Remember keeps the request's result, in the transaction that brings it about.
func (t *Tx) Remember(o Once, result any, at time.Time) error {
	if o.Key == "" {
		return nil
	}
	packed, err := json.Marshal(result)
	if err != nil {
		return err
	}
	// Where the same request came at the same moment this fails, and the transaction runs again: then it recalls the
	// other's result. See lostRace.
	return t.later(nil, `INSERT INTO idempotency (actor, key, hash, result, at) VALUES (?, ?, ?, ?, ?)`, o.Actor, o.Key, o.Hash, string(packed), micros(at))
}

// Recall and Remember are those of Tx.
func (s *System) Recall(o Once, result any) (bool, error) { return s.tx.Recall(o, result) }

// Remember keeps the request's result, in the transaction that brings it about.
func (s *System) Remember(o Once, result any, at time.Time) error {
	return s.tx.Remember(o, result, at)
}

// OldRequests says whether Remember kept anything before the given time.
func (s *System) OldRequests(before time.Time) (some bool, err error) {
	err = s.tx.each(func(r row) error { return r.Scan(&some) }, `SELECT EXISTS (SELECT 1 FROM idempotency WHERE at < ?)`, micros(before))
	return some, err
}

// ForgetRequests drops what Remember kept before the given time.
func (s *System) ForgetRequests(before time.Time) error {
	_, err := s.tx.exec(`DELETE FROM idempotency WHERE at < ?`, micros(before))
	return err
}
