package terminal

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"helpdesk"
	"helpdesk/internal/store"
	"helpdesk/internal/transcript"
)

// Recording writes a Terminal's whole record, as far as it goes now, as asciicast v3. An error before the first byte
// was written is one for whoever asked.
func (s *Service) Recording(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID, w io.Writer) error {
	var t helpdesk.Terminal
	if err := s.store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		if t, err = tx.Terminal(id); err == nil {
			_, err = tx.Ticket(t.Ticket)
		}
		return err
	}); err != nil {
		return err
	}
	r, err := s.openRecord(ctx, t.Ticket, string(id))
	if err != nil {
		return err
	}
	return r.WriteAsciicast(w)
}

// RunOutput gives a Run's whole output, as the bytes were, as far as it goes now.
func (s *Service) RunOutput(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID) (*io.SectionReader, error) {
	run, _, err := s.run(ctx, by, key, id)
	if err != nil {
		return nil, err
	}
	r, err := s.openRecord(ctx, run.Ticket, string(id))
	if err != nil {
		return nil, err
	}
	size, err := r.Size()
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(r, 0, size), nil
}

func (s *Service) openRecord(ctx context.Context, key helpdesk.TicketKey, id string) (*transcript.Reader, error) {
	if err := s.awaitReady(ctx); err != nil {
		return nil, err
	}
	r, err := transcript.Open(s.transcript(key, id))
	if errors.Is(err, fs.ErrNotExist) {
		err = helpdesk.Errorf(helpdesk.NotFound, "Nothing was recorded of this, or its recording was deleted.")
	}
	return r, err
}
