package store

import (
	"slices"
	"strings"

	"helpdesk"
)

// Heads reads the newest sequence number of each of the tickets within reach.
func (t *Tx) Heads(keys []helpdesk.TicketKey) (map[helpdesk.TicketKey]int64, error) {
	heads := make(map[helpdesk.TicketKey]int64, len(keys))
	for len(keys) > 0 {
		some := slices.Clone(keys[:min(len(keys), 512)])
		keys = keys[len(some):]
		for len(some)&(len(some)-1) != 0 { // a power of two: ten texts to keep prepared, not 512
			some = append(some, some[0])
		}
		where, reach := t.within("tenant")
		args := make([]any, 0, len(some)+len(reach))
		for _, k := range some {
			args = append(args, string(k))
		}
		if err := t.each(func(r row) error {
			var k helpdesk.TicketKey
			var seq int64
			err := r.Scan(&k, &seq)
			heads[k] = seq
			return err
		}, `SELECT key, seq FROM tickets WHERE key IN (?`+strings.Repeat(",?", len(some)-1)+`) AND `+where, append(args, reach...)...); err != nil {
			return nil, err
		}
	}
	return heads, nil
}
