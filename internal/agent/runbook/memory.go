package runbook

import (
	"encoding/json"
	"slices"

	"helpdesk"
)

// memory is what the agent keeps of a ticket: which runbooks it follows and where each step stands. What was
// printed stays in the conversation.
type memory struct {
	Version int         `json:"v"`
	Seen    int         `json:"seen"` // messages that were taken account of
	Cases   []*caseFile `json:"cases,omitempty"`
	Queue   []string    `json:"queue,omitempty"` // runbooks to take up after the present one
	Offered bool        `json:"offered,omitempty"`
}

const memoryVersion = 1

// caseFile is one problem under examination by one runbook.
type caseFile struct {
	Runbook string            `json:"runbook"`
	Message string            `json:"message"` // that opened it
	Values  map[string]string `json:"values,omitempty"`
	Phase   phase             `json:"phase"`
	Asking  string            `json:"asking,omitempty"` // the param that was asked for
	Items   map[string]*item  `json:"items,omitempty"`  // by step, or "remedy:" and its id
	Barred  []string          `json:"barred,omitempty"` // programs that the person does not want
	From    string            `json:"from,omitempty"`   // the runbook whose evidence led here
}

type phase string

const (
	asking    phase = "asking"
	examining phase = "examining"
	concluded phase = "concluded"
	verifying phase = "verifying"
	finished  phase = "finished"
)

// item is where one proposed command stands.
type item struct {
	State   itemState `json:"state"`
	Command string    `json:"command,omitempty"`
	Admin   bool      `json:"admin,omitempty"`
	Reason  string    `json:"reason,omitempty"` // of a rejection
	Message int       `json:"message,omitempty"`
	Place   int       `json:"place,omitempty"` // the outcome is Messages[Message].Delivered[Place]
	Edited  string    `json:"edited,omitempty"`
}

type itemState string

const (
	proposed  itemState = "proposed"
	ran       itemState = "ran"
	rejected  itemState = "rejected"
	leftOut   itemState = "left"     // the person said to go on without it
	barred    itemState = "barred"   // it uses what the person does not want
	adminOnly itemState = "admin"    // it needs a scope that is not open here
	unneeded  itemState = "unneeded" // its condition does not hold
	unmade    itemState = "unmade"   // its command cannot be made from what was read
)

func (s itemState) final() bool { return s != proposed }

// recall reads the state of the last turn. What cannot be read is as if nothing had been kept.
func recall(state json.RawMessage) *memory {
	m := &memory{}
	if len(state) == 0 || json.Unmarshal(state, m) != nil || m.Version != memoryVersion {
		return &memory{Version: memoryVersion}
	}
	m.Cases = slices.DeleteFunc(m.Cases, func(c *caseFile) bool { return c == nil })
	for _, c := range m.Cases {
		for id, it := range c.Items {
			if it == nil {
				delete(c.Items, id)
			}
		}
	}
	return m
}

// active is the case that is worked on; nil where there is none.
func (m *memory) active() *caseFile {
	if len(m.Cases) == 0 {
		return nil
	}
	return m.Cases[len(m.Cases)-1]
}

// keep is the state for the next turn.
func (m *memory) keep() (json.RawMessage, error) {
	m.Version = memoryVersion
	if n := len(m.Cases); n > 8 { // old cases are done with
		m.Cases = m.Cases[n-8:]
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Internal, err, "The agent's state cannot be kept.")
	}
	return b, nil
}

func (c *caseFile) item(id string) *item {
	if it := c.Items[id]; it != nil {
		return it
	}
	return &item{}
}

func (c *caseFile) set(id string, it item) {
	if c.Items == nil {
		c.Items = map[string]*item{}
	}
	c.Items[id] = &it
}

// pending are the ids whose commands wait for a decision, in the runbook's order.
func (c *caseFile) pending(b *Runbook) []string {
	var ids []string
	for _, id := range b.order() {
		if c.item(id).State == proposed {
			ids = append(ids, id)
		}
	}
	return ids
}

// order is every id of the runbook as the file has it: steps, remedies, verification.
func (b *Runbook) order() []string {
	var ids []string
	for i := range b.Steps {
		ids = append(ids, b.Steps[i].ID)
	}
	for i := range b.Remedy {
		ids = append(ids, remedyID(b.Remedy[i].ID))
	}
	for i := range b.Verify {
		ids = append(ids, b.Verify[i].ID)
	}
	return ids
}

func remedyID(id string) string { return "remedy:" + id }
