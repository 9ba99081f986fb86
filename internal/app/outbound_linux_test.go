package app_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"helpdesk/internal/testkit"
)

// A platform admin opens a destination to a tenant. What was suggested before is shown anew, because the environment
// is another one; what is suggested afterwards reaches that destination and not HelpDesk itself, which listens on the
// same loopback; so does a terminal; and when the destination is closed again, nothing does.
func TestATenantReachesWhatItsListNames(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { listener.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "greetings from outside\n")
			c.Close()
		}
	})
	there := listener.Addr().String()
	h := testkit.Start(t, testkit.Config{})
	itself := strings.TrimPrefix(h.URL, "http://")
	tenant := h.NewTenant("blue")
	connect := func(to string) string {
		return `suggest exec 3<>/dev/tcp/127.0.0.1/3128 && printf 'CONNECT ` + to + ` HTTP/1.1\r\n\r\n' >&3 && head -n 3 <&3 ## try`
	}
	type card struct {
		ID, Digest, Command, State string
		EnvNames                   []string `json:"env_names"`
		Outcome                    *struct{ Output string }
	}
	read := func(ticket string) []card {
		t.Helper()
		var list struct{ Items []card }
		h.Do("GET", "/tickets/"+ticket+"/suggestions", nil, &list)
		return list.Items
	}
	cards := func() (ticket string, list []card) {
		t.Helper()
		ticket = h.NewTicket("blue", connect(there)+"\n"+connect(itself)+"\nsuggest true ## wait")
		h.Wait("the suggestions", func() (bool, string) { list = read(ticket); return len(list) == 3, fmt.Sprint(list) })
		return ticket, list
	}
	execute := func(ticket string, c card) error {
		return h.API("POST", "/tickets/"+ticket+"/suggestions/"+c.ID+"/decision", map[string]string{"decision": "execute", "digest": c.Digest}, nil)
	}
	outcome := func(ticket string, c card) (output string) {
		t.Helper()
		if err := execute(ticket, c); err != nil {
			t.Fatal(err)
		}
		h.Wait("the outcome of "+c.Command, func() (bool, string) {
			for _, now := range read(ticket) {
				if now.ID == c.ID && now.Outcome != nil {
					output = now.Outcome.Output
					return true, ""
				}
			}
			return false, ""
		})
		return output
	}

	early, before := cards()
	if slices.Contains(before[0].EnvNames, "https_proxy") {
		t.Errorf("a card without a list names %v", before[0].EnvNames)
	}
	if out := outcome(early, before[0]); strings.Contains(out, "greetings") {
		t.Errorf("without a list it got %q", out)
	}
	h.Do("PATCH", "/tenants/"+tenant, map[string]any{"outbound": []string{there}}, nil)
	if err := execute(early, before[2]); !refused(err, 409) {
		t.Errorf("a card from before the list is decided on with %v", err)
	}

	ticket, list := cards()
	if !slices.Contains(list[0].EnvNames, "https_proxy") || !slices.Contains(list[0].EnvNames, "NO_PROXY") {
		t.Errorf("the card names %v", list[0].EnvNames)
	}
	if out := outcome(ticket, list[0]); !strings.Contains(out, "greetings from outside") {
		t.Errorf("a destination of the list answers %q", out)
	}
	if out := outcome(ticket, list[1]); !strings.Contains(out, "403 Forbidden") {
		t.Errorf("HelpDesk itself, which is not on the list, answers %q", out)
	}
	var terminal struct{ ID string }
	h.Do("POST", "/tickets/"+ticket+"/terminals", struct{}{}, &terminal)
	tab := h.Attach(terminal.ID)
	h.Wait("the shell", func() (bool, string) {
		return tab.Type("exec 3<>/dev/tcp/127.0.0.1/3128; printf 'CONNECT " + there + " HTTP/1.1\\r\\n\\r\\n' >&3; head -n 3 <&3\r"), "what is typed is not taken"
	})
	tab.Sees("greetings from outside")

	h.Do("PATCH", "/tenants/"+tenant, map[string]any{"outbound": []string{}}, nil)
	if err := execute(ticket, list[2]); !refused(err, 409) {
		t.Errorf("a card from before the list was closed is decided on with %v", err)
	}
	closed, after := cards()
	if out := outcome(closed, after[0]); strings.Contains(out, "greetings") {
		t.Errorf("after the list was closed it got %q", out)
	}
	for _, bad := range []string{"example.com", "*.example.com:443", "localhost:80"} {
		err := h.API("PATCH", "/tenants/"+tenant, map[string]any{"outbound": []string{bad}}, nil)
		if !refused(err, 422, 400) || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s as a destination is answered with %v", bad, err)
		}
	}
}

// refused says whether the server answered with one of the statuses.
func refused(err error, statuses ...int) bool {
	var p *testkit.Problem
	return errors.As(err, &p) && slices.Contains(statuses, p.Status)
}
