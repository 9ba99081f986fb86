package launch

import (
	"context"
	"log/slog"
	"net"
)

// Client is the server's end of the socket to the launcher. Its methods may be called by many goroutines at once.
// A method that returns an error returns a helpdesk.Error whose sentence may be shown; when the launcher is gone
// every method fails with helpdesk.Unavailable.
type Client struct {
	clientState
}

// ClientConfig configures a Client.
type ClientConfig struct {
	// Notify is told of every change of a process: output in its transcript, its size, a pause, its exit. It is
	// called by one goroutine, one call at a time, and in order for each process. While a call runs, statuses of
	// the same process replace each other, so a slow Notify sees fewer, never stale ones. After Run began it is
	// called at least once for each process that List would give. Default: nobody is told.
	Notify func(Status)
	// Quick says that Notify neither waits nor calls the Client, except that its first call may wait for the rest of the
	// program to be there. Then it is called where the socket is read, which spares each echo a change of goroutines.
	Quick bool
	Log   *slog.Logger // default: discard
}

// NewClient makes a Client on a socket to a launcher, as Inherited gives it. It starts nothing: the methods work
// while Run does.
func NewClient(conn net.Conn, cfg ClientConfig) *Client { return newClient(conn, cfg) }

// Run serves the socket until ctx is done or the launcher is gone, closes it, and returns when all it started
// has ended.
func (c *Client) Run(ctx context.Context) error { return c.run(ctx) }

// Hello asks the launcher who it is and what it can do.
func (c *Client) Hello(ctx context.Context) (Hello, error) { return c.hello(ctx) }

// Start starts a process and returns its first Status. An id that was ever started in this launcher's life is a
// Conflict: nothing is started. Its Workspace is created when it is not there. When the launcher is gone, or ctx ends
// the waiting, it is not known whether something was started: List tells, and the id is never started twice.
func (c *Client) Start(ctx context.Context, spec Spec) (Status, error) { return c.start(ctx, spec) }

// List gives all processes that live, or have ended and were not forgotten, oldest first.
func (c *Client) List(ctx context.Context) ([]Status, error) { return c.list(ctx) }

// Forget lets the launcher drop what it remembers of a process that has ended; a living one is a Conflict. Its
// transcript stays, and its id stays used.
func (c *Client) Forget(ctx context.Context, id string) error { return c.forget(ctx, id) }

// Input types data, at most MaxInput, and returns when the pseudo-terminal has taken all of it. Calls for one
// process are served in the order they were made. It waits while the program does not read; ctx ends the waiting,
// not the typing.
func (c *Client) Input(ctx context.Context, id string, data []byte) error {
	return c.input(ctx, id, data)
}

// Type types as Input does, and does not wait: done is called once, when the pseudo-terminal has taken all of data or
// never will, by the goroutine that reads the socket, so it must not wait and call nothing of the Client. The calls that
// one goroutine makes for one process are served in order.
func (c *Client) Type(id string, data []byte, done func(error)) { c.typeIn(id, data, done) }

// Resize sets the terminal's size and records it.
func (c *Client) Resize(ctx context.Context, id string, cols, rows uint16) error {
	return c.resize(ctx, id, cols, rows)
}

// Stop asks the process to end (SIGTERM to all it runs, half a second later
// SIGHUP, which ends shells) and after two seconds ends all of it by
// SIGKILL. It returns when the asking is done; the Exit comes by Notify. Stopping one that has ended is no error.
func (c *Client) Stop(ctx context.Context, id string) error { return c.stop(ctx, id) }

// Pause stops the reading of output, so that the program waits when its terminal is full.
func (c *Client) Pause(ctx context.Context, id string) error { return c.pause(ctx, id) }

// Resume reads on. A limit above 0 becomes the transcript's new limit; one paused by its limit or the disk reads on
// only if there is room now.
func (c *Client) Resume(ctx context.Context, id string, limit int64) error {
	return c.resume(ctx, id, limit)
}

// DeleteTranscripts deletes the recordings of a ticket, all of them. While one of its processes lives it is a
// Conflict. Deleting what is not there is no error.
func (c *Client) DeleteTranscripts(ctx context.Context, ticket string) error {
	return c.deleteTranscripts(ctx, ticket)
}

// Tickets gives the keys of the tickets of a slot that have a Workspace on disk, so that those of closed tickets
// can be swept.
func (c *Client) Tickets(ctx context.Context, slot int) ([]string, error) {
	return c.tickets(ctx, slot)
}

// CreateWorkspace makes a ticket's Workspace, empty; one that exists is left as it is.
func (c *Client) CreateWorkspace(ctx context.Context, slot int, ticket string) error {
	return c.createWorkspace(ctx, slot, ticket)
}

// RemoveWorkspace removes a ticket's Workspace and all that is in it. A removal that was interrupted is carried on by
// the next call; one that is not there is no error. While a process of the ticket lives it is a Conflict.
func (c *Client) RemoveWorkspace(ctx context.Context, slot int, ticket string) error {
	return c.removeWorkspace(ctx, slot, ticket)
}

// ListFiles lists a directory of a Workspace, "" for its root, sorted by name; with deep, all that is below it.
// A Workspace that is not there is NotFound.
func (c *Client) ListFiles(ctx context.Context, slot int, ticket, dir string, deep bool) ([]File, error) {
	return c.listFiles(ctx, slot, ticket, dir, deep)
}

// ReadFile reads a regular file of at most MaxFile bytes. Links, FIFOs and devices are never opened.
func (c *Client) ReadFile(ctx context.Context, slot int, ticket, path string) ([]byte, File, error) {
	return c.readFile(ctx, slot, ticket, path)
}

// WriteFile replaces or makes a file whole, or not at all, with the directories it needs; it is on disk when
// WriteFile returns. The mode is 0600, or 0700 if executable. Beyond MaxFile or the quota it is TooLarge or TooMany.
func (c *Client) WriteFile(ctx context.Context, slot int, ticket, path string, content []byte, executable bool) (File, error) {
	return c.writeFile(ctx, slot, ticket, path, content, executable)
}

// DeleteFile deletes a file, or a directory with all that is in it.
func (c *Client) DeleteFile(ctx context.Context, slot int, ticket, path string) error {
	return c.deleteFile(ctx, slot, ticket, path)
}

// WorkspaceUsage says how much of its quota a Workspace takes.
func (c *Client) WorkspaceUsage(ctx context.Context, slot int, ticket string) (Usage, error) {
	return c.usage(ctx, slot, ticket)
}
