package store

import "time"

// nodeKept is how long a launcher that says nothing is remembered: long after it counts as lost, and what was its has
// been settled.
const nodeKept = 24 * time.Hour

// TouchNode notes that a launcher, named by its epoch, is alive, and gives the epochs of all that were within
// the given time. Those that said nothing for a day are forgotten.
func (s *System) TouchNode(epoch string, within time.Duration) (live map[string]bool, err error) {
	if _, err := s.tx.exec(`INSERT INTO nodes (epoch, seen_at) VALUES (?, {now}) ON CONFLICT (epoch) DO UPDATE SET seen_at = excluded.seen_at`, epoch); err != nil {
		return nil, err
	}
	if _, err := s.tx.exec(`DELETE FROM nodes WHERE seen_at < {now} - ?`, nodeKept.Microseconds()); err != nil {
		return nil, err
	}
	live = map[string]bool{}
	err = s.tx.each(func(r row) error {
		var e string
		err := r.Scan(&e)
		live[e] = true
		return err
	}, `SELECT epoch FROM nodes WHERE seen_at > {now} - ?`, within.Microseconds())
	return live, err
}
