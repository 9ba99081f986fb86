package launch

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"helpdesk"
)

// The limits of a Spec. The kernel takes no single argument above 128 KiB.
const (
	maxArgs      = 256
	maxArg       = 128<<10 - 1
	maxArgsTotal = 1 << 20
	maxSize      = 1000 // columns or rows
	maxTimeout   = 24 * time.Hour
	maxLimit     = 16 << 30
	maxSlot      = 1 << 16
)

var (
	idPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	envPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
)

func checkID(id string) error {
	if !idPattern.MatchString(id) {
		return helpdesk.Errorf(helpdesk.Invalid, "A process is named by letters, digits, _ and -, at most 64.")
	}
	return nil
}

// checkTicket takes a key as it is stored; what people type was read long before.
func checkTicket(ticket string) error {
	if key, err := helpdesk.ParseTicketKey(ticket); err != nil || string(key) != ticket {
		return helpdesk.Errorf(helpdesk.Invalid, "That is no ticket's key.")
	}
	return nil
}

func checkSlot(slot int) error {
	if slot < 1 || slot > maxSlot {
		return helpdesk.Errorf(helpdesk.Invalid, "A tenant's slot is between 1 and %d.", maxSlot)
	}
	return nil
}

// checkSpec refuses a Spec that cannot be right, and completes one that can by the documented defaults.
func checkSpec(s *Spec) error {
	for _, err := range []error{checkID(s.ID), checkTicket(s.Ticket), checkSlot(s.Slot), checkArgs(s.Argv, s.Env)} {
		if err != nil {
			return err
		}
	}
	switch {
	case s.Kind != Private && s.Kind != HostView && s.Kind != Host:
		return helpdesk.Errorf(helpdesk.Invalid, "A process runs in a private sandbox, the host view or the host.")
	case s.Kind == HostView && s.Slot != HostViewSlot:
		return helpdesk.Errorf(helpdesk.Forbidden, "Only the tenant of this machine may look at this machine.")
	case s.Cols > maxSize || s.Rows > maxSize:
		return helpdesk.Errorf(helpdesk.Invalid, "A terminal has at most %d columns and rows.", maxSize)
	case s.Timeout < 0 || s.Timeout > maxTimeout:
		return helpdesk.Errorf(helpdesk.Invalid, "A time limit is at most %s.", maxTimeout)
	case s.Limit < 0 || s.Limit > maxLimit:
		return helpdesk.Errorf(helpdesk.Invalid, "A transcript has at most %d GiB.", maxLimit>>30)
	}
	if _, err := helpdesk.ParseDestinations(s.Outbound); err != nil {
		return err
	}
	if len(s.Outbound) > 0 && s.Kind != Private {
		return helpdesk.Errorf(helpdesk.Invalid, "Only a private sandbox has a list of destinations.")
	}
	if s.Cwd != "" {
		if _, err := splitPath(s.Cwd); err != nil {
			return err
		}
	}
	switch s.Overflow {
	case "":
		s.Overflow = PauseAtLimit
	case PauseAtLimit, CutAtLimit:
	default:
		return helpdesk.Errorf(helpdesk.Invalid, "At its limit a transcript pauses or is cut.")
	}
	if s.Limit == 0 {
		s.Limit = 256 << 20
		if s.Overflow == CutAtLimit {
			s.Limit = 64 << 20
		}
	}
	if s.Cols == 0 {
		s.Cols = 80
	}
	if s.Rows == 0 {
		s.Rows = 24
	}
	return nil
}

func checkArgs(argv, env []string) error {
	if len(argv) == 0 || argv[0] == "" {
		return helpdesk.Errorf(helpdesk.Invalid, "There is no command to run.")
	}
	if len(argv) > maxArgs || len(env) > maxArgs {
		return helpdesk.Errorf(helpdesk.TooMany, "A command has at most %d arguments and variables.", maxArgs)
	}
	total := 0
	for _, s := range append(append([]string(nil), argv...), env...) {
		total += len(s)
		if strings.IndexByte(s, 0) >= 0 {
			return helpdesk.Errorf(helpdesk.Invalid, "A command and its variables cannot hold a NUL byte.")
		}
		if len(s) > maxArg {
			return helpdesk.Errorf(helpdesk.TooLarge, "One argument or variable may have at most %d KiB.", (maxArg+1)>>10)
		}
	}
	if total > maxArgsTotal {
		return helpdesk.Errorf(helpdesk.TooLarge, "A command with its variables may have at most %d MiB.", maxArgsTotal>>20)
	}
	for _, s := range env {
		if !envPattern.MatchString(s) {
			return helpdesk.Errorf(helpdesk.Invalid, "A variable's name has letters, digits and _, and does not begin with a digit.")
		}
	}
	return nil
}

// The limits of a path in a Workspace.
const (
	maxPath  = 1024
	maxName  = 255
	maxDepth = 32
)

// splitPath reads a path in a Workspace: relative, with slashes, without empty, "." or ".." elements, printable.
// What it accepts names something inside the Workspace as long as no link is followed, and none ever is.
func splitPath(path string) ([]string, error) {
	bad := func(why string) ([]string, error) {
		return nil, helpdesk.Errorf(helpdesk.Invalid, "That path cannot be used: %s.", why)
	}
	switch {
	case path == "":
		return bad("it is empty")
	case len(path) > maxPath:
		return bad("it is too long")
	case path[0] == '/':
		return bad("it must be relative to the Workspace")
	case !utf8.ValidString(path):
		return bad("it is not UTF-8")
	case strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return bad("it holds a control character")
	}
	names := strings.Split(path, "/")
	if len(names) > maxDepth {
		return bad("it is too deep")
	}
	for _, name := range names {
		switch {
		case name == "" || name == ".":
			return bad("it has an empty element")
		case name == "..":
			return bad("it leaves the Workspace")
		case len(name) > maxName:
			return bad("a name in it is too long")
		}
	}
	return names, nil
}
