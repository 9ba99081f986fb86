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

// Recording gives a Terminal's whole record, as far as it goes now, as asciicast v3.
func (s *Service) Recording(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID) (io.ReadCloser, error) {
	var t helpdesk.Terminal
	if err := s.store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		if t, err = tx.Terminal(id); err == nil {
			_, err = tx.Ticket(t.Ticket)
		}
		return err
	}); err != nil {
		return nil, err
	}
	record, err := s.openRecord(ctx, t.Ticket, string(id))
	if err != nil {
		return nil, err
	}
	// The record is written into a pipe until it ends, its reader closes it, or the service stops.
	r, w := io.Pipe()
	if !s.spawn(func() {
		defer context.AfterFunc(s.stop, func() { w.CloseWithError(errStopping) })()
		w.CloseWithError(record.WriteAsciicast(w))
	}) {
		return nil, errStopping
	}
	return r, nil
}

// RunOutput gives a Run's output from an offset on, as the bytes were, as far as it goes now, and says how much there
// is of it in all.
func (s *Service) RunOutput(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID, from int64) (io.ReadCloser, int64, error) {
	run, _, err := s.run(ctx, by, key, id)
	if err != nil {
		return nil, 0, err
	}
	r, err := s.openRecord(ctx, run.Ticket, string(id))
	if err != nil {
		return nil, 0, err
	}
	size, err := r.Size()
	if err != nil {
		return nil, 0, err
	}
	if from < 0 || from > size {
		return nil, size, helpdesk.Errorf(helpdesk.Invalid, "The output has %d bytes; ask for an offset between 0 and that.", size)
	}
	return io.NopCloser(io.NewSectionReader(r, from, size-from)), size, nil
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
