package cli

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"helpdesk/internal/config"
	"helpdesk/internal/datadir"
)

// checkAddress asks the server that runs, or tries whether one could listen.
func checkAddress(ctx context.Context, cfg config.Config) finding {
	const what = "address"
	if _, held, err := datadir.HeldBy(cfg.Data); err == nil && held {
		local, err := datadir.ReadLocal(cfg.Data)
		if err != nil {
			return warn(what, "Wait for its start to end, or look into its log.", "a server holds the data directory and has not said where it listens")
		}
		return checkAnswer(ctx, local.URL)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fail(what, "Stop the program that uses it, or set HELPDESK_LISTEN to another address.", "cannot listen on %s: %v", cfg.Listen, err)
	}
	if err := l.Close(); err != nil {
		return warn(what, "Try again.", "%s could be opened and not closed: %v", cfg.Listen, err)
	}
	return ok(what, "%s is free", cfg.Listen)
}

func checkAnswer(ctx context.Context, base string) finding {
	const what = "address"
	const remedy = "Look into the log of the server, and restart it if it says nothing."
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return fail(what, remedy, "the server says that it listens on %q, which is no address", base)
	}
	// Only whether it answers is asked, by an address it wrote down itself: the name in its certificate is another.
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // see above
	res, err := hc.Do(req)
	if err != nil {
		return fail(what, remedy, "the server that holds the data directory does not answer on %s: %v", base, err)
	}
	_ = res.Body.Close() // only the status is of interest
	if res.StatusCode != http.StatusOK {
		return fail(what, remedy, "the server on %s is not ready (%s)", base, res.Status)
	}
	return ok(what, "the server on %s is ready", base)
}

// checkDatabase reads from the database and changes nothing: it neither makes nor migrates one.
func checkDatabase(ctx context.Context, cfg config.Config) finding {
	if cfg.Database != "" {
		return checkPostgres(ctx, cfg.Database.Reveal())
	}
	const what = "database"
	path := filepath.Join(cfg.Data, "helpdesk.db")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ok(what, "SQLite; it will be made at the first start")
	}
	if err != nil {
		return fail(what, "Become the user who runs the server, or correct the permissions.", "SQLite: %s cannot be read: %v", path, err)
	}
	dsn := (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_pragma=busy_timeout(5000)"}).String()
	text, err := ask(ctx, "sqlite", dsn, "PRAGMA quick_check(1)")
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return warn(what, "To examine all of it, stop the server and run: sqlite3 "+path+" 'PRAGMA integrity_check'", "SQLite: %s is too large to be examined in %v", path, checkTime)
	case err != nil:
		return fail(what, "If no server runs, restore the file from a backup.", "SQLite: %s cannot be read: %v", path, err)
	case text != "ok":
		return fail(what, "Stop the server and restore the file from a backup.", "SQLite: %s is damaged: %s", path, printable(text))
	}
	return ok(what, "SQLite; %s is sound (%d kB)", path, info.Size()/1000)
}

// oldestPostgres is the oldest major version that the conformance suite has been run on.
const oldestPostgres = 15

func checkPostgres(ctx context.Context, dsn string) finding {
	const what = "database"
	text, err := ask(ctx, "pgx", dsn, "SELECT current_setting('server_version_num')")
	if err != nil {
		return fail(what, "Correct HELPDESK_DATABASE, or start PostgreSQL and let this machine in.", "PostgreSQL cannot be reached: %s", withoutPassword(err, dsn))
	}
	var number int
	if _, err := fmt.Sscan(text, &number); err != nil || number < oldestPostgres*10_000 {
		return warn(what, fmt.Sprintf("Upgrade to PostgreSQL %d or newer.", oldestPostgres), "PostgreSQL answers, in a version that is not known to work (%s)", printable(text))
	}
	return ok(what, "PostgreSQL %d.%d answers", number/10_000, number%10_000)
}

// ask reads one text from a database.
func ask(ctx context.Context, driver, dsn, query string) (text string, err error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetConnMaxLifetime(time.Minute)
	err = db.QueryRowContext(ctx, query).Scan(&text)
	return text, err
}

// withoutPassword shows an error of a database that may repeat the address it was given.
func withoutPassword(err error, dsn string) string {
	text := err.Error()
	if u, perr := url.Parse(dsn); perr == nil && u.User != nil {
		if pw, set := u.User.Password(); set && pw != "" {
			text = strings.ReplaceAll(text, pw, "xxxxx")
			text = strings.ReplaceAll(text, url.QueryEscape(pw), "xxxxx")
		}
	}
	return printable(text)
}
