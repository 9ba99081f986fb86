package turn

import (
	"helpdesk"
	"helpdesk/event"
)

// Conversation puts events together as a talk does, for tests.
func Conversation(events []event.Event) ([]helpdesk.Message, error) {
	t := newTalk()
	for _, e := range events {
		if err := t.add(e); err != nil {
			return nil, err
		}
	}
	return t.messages, nil
}
