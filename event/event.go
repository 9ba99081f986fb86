// Package event defines the facts that a ticket is made of. Every change to a ticket is one Event, in the past
// tense, with a sequence number that has no gaps within its ticket, committed in the same transaction as the
// state it describes. Canvas, timeline, stream resume and export read this log and nothing else.
//
// The JSON of an event decodes for ever: fields are added, never renamed, removed or given another meaning.
// testdata holds one example of every kind that was ever written, and a test decodes them all. Readers ignore
// kinds and fields that they do not know.
package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"time"

	"helpdesk"
)

// Event is one committed fact about one ticket.
type Event struct {
	Ticket helpdesk.TicketKey
	Tenant helpdesk.TenantID
	Seq    int64 // from 1, without gaps, per ticket
	Kind   string
	At     time.Time // UTC, microseconds
	Actor  By
	Data   json.RawMessage // the fact, as its Kind's struct encodes
}

// By names who did something.
type By struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Who is b as the log records it.
func Who(b helpdesk.By) By { return By{Kind: string(b.Kind), ID: b.ID, Name: b.Name} }

// By is the domain's form of who did something.
func (b By) By() helpdesk.By {
	return helpdesk.By{Kind: helpdesk.ActorKind(b.Kind), ID: b.ID, Name: b.Name}
}

// Fact is a struct of this package that describes one kind of fact. Its kind is its type's name.
type Fact interface{ fact() }

// Kind is the name under which f is recorded.
func Kind(f Fact) string { return reflect.TypeOf(f).Name() }

// Encode gives kind and data of a fact.
func Encode(f Fact) (kind string, data json.RawMessage, err error) {
	data, err = json.Marshal(f)
	return Kind(f), data, err
}

// Decode reads an event's data back into its fact. An unknown kind is an error that names it; whoever reads
// a log skips such events.
func Decode(kind string, data json.RawMessage) (Fact, error) {
	zero, ok := kinds[kind]
	if !ok {
		return nil, fmt.Errorf("event: unknown kind %q", kind)
	}
	p := reflect.New(reflect.TypeOf(zero))
	if err := json.Unmarshal(data, p.Interface()); err != nil {
		return nil, fmt.Errorf("event: %s: %w", kind, err)
	}
	return p.Elem().Interface().(Fact), nil
}

// Kinds gives the zero fact of every kind, by name.
func Kinds() map[string]Fact {
	m := make(map[string]Fact, len(kinds))
	maps.Copy(m, kinds)
	return m
}
