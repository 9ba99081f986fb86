package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"helpdesk"
)

// bodies are a right body for each operation that needs one.
var bodies = map[string]string{
	"redeemSignInLink":   `{"token":"x"}`,
	"signInWithPassword": `{"email":"a@example.com","password":"x"}`,
	"acceptInvitation":   `{"token":"x"}`,
	"createToken":        `{"name":"x"}`,
	"inviteUser":         `{"email":"{role}@elsewhere.example"}`,
	"changeUser":         `{"name":"x"}`,
	"createTenant":       `{"name":"New {role}"}`,
	"changeTenant":       `{"name":"x"}`,
	"createTicket":       `{"tenant":"blue","agent":"runbook","message":"x"}`,
	"changeTicket":       `{"title":"x"}`,
	"postMessage":        `{"content":"x"}`,
	"releaseTurns":       `{"discard":true}`,
	"decide":             `{"decision":"ignore","digest":"x"}`,
	"openTerminal":       `{"scope":"tenant"}`,
	"changeTerminal":     `{"cols":80,"rows":24}`,
	"writeFile":          "x",
}

// Every operation for every role, by cookie and by token: who may, may; who may not, hears no more than that.
func TestRolesAndOperations(t *testing.T) {
	h := newHouse(t)
	memberID, memberCookie, memberToken := h.person("member", false)
	otherID, otherCookie, otherToken := h.person("other", false)
	_, adminCookie, adminToken := h.person("admin", true)
	subject, _, _ := h.person("subject", false)
	blue := h.tenant("Blue", memberID)
	h.tenant("Green", otherID)
	key := h.ticket(blue)
	h.terminal(blue, key, "term-1", helpdesk.ScopeTenant)

	type role struct{ name, cookie, token string }
	roles := []role{
		{"anonymous", "", ""},
		{"other by cookie", otherCookie, ""},
		{"other by token", "", otherToken},
		{"member by cookie", memberCookie, ""},
		{"member by token", "", memberToken},
		{"admin by cookie", adminCookie, ""},
		{"admin by token", "", adminToken},
		{"bootstrap token", "", bootstrapToken},
		{"wrong token", "", "hd_wrong"},
		{"wrong cookie", "wrong", ""},
	}
	each(h.server, func(method, path string, o *huma.Operation) {
		permission := o.Metadata[metaPermission].(helpdesk.Permission)
		where := o.Metadata[metaIn].(in)
		for _, r := range roles {
			t.Run(o.OperationID+"/"+r.name, func(t *testing.T) {
				h.t = t
				path := strings.NewReplacer("{key}", string(key), "{path}", "notes/a.txt").Replace(path)
				switch {
				case where == inTerminal:
					path = strings.Replace(path, "{id}", "term-1", 1)
				case strings.HasPrefix(path, "/tenants/"):
					path = strings.Replace(path, "{id}", string(blue), 1)
				default:
					path = strings.Replace(path, "{id}", string(subject), 1)
				}
				if o.OperationID == "watchEvents" {
					path += "?ticket=" + string(key)
				}
				if o.OperationID == "signOut" && r.cookie != "" {
					_, r.cookie, _ = h.person(strings.ReplaceAll(r.name, " ", "-"), false) // the others are needed later
				}
				body := strings.ReplaceAll(bodies[o.OperationID], "{role}", strings.ReplaceAll(r.name, " ", "-"))
				header := map[string]string{}
				if strings.HasSuffix(path, "/attach") {
					header["Upgrade"] = "websocket"
				}
				got := h.do(ask{method: method, path: path, body: body, cookie: r.cookie, token: r.token, header: header})
				want := expected(r.name, permission, where, o.OperationID)
				if !slices.Contains(want, got.status) {
					t.Errorf("%s %s answers %d, want one of %v\n%s", method, path, got.status, want, got.body)
				}
				if got.status >= 400 && !strings.HasSuffix(path, "/attach") {
					if p := got.problem(t); p.Detail == "" || p.RequestID == "" || p.Status != got.status {
						t.Errorf("a problem without sentence, id or status: %s", got.body)
					}
				}
			})
		}
	})
}

// fine are the answers to somebody who may. That a person, session or token is not there is as fine as any.
func fine(id string) []int {
	switch id {
	case "redeemSignInLink", "signInWithPassword", "acceptInvitation":
		return []int{http.StatusUnauthorized, http.StatusTooManyRequests}
	case "revokeSession", "revokeToken":
		return []int{http.StatusNotFound}
	case "makeUserLink":
		return []int{http.StatusCreated, http.StatusConflict} // a conflict once the person is disabled
	case "terminalSocket", "runSocket":
		return []int{http.StatusTeapot}
	}
	return []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}
}

func expected(role string, p helpdesk.Permission, where in, id string) []int {
	kind, _, _ := strings.Cut(role, " ")
	switch {
	case p == helpdesk.PermPublic:
		return fine(id)
	case kind == "anonymous", kind == "wrong":
		return []int{http.StatusUnauthorized}
	case kind == "admin", kind == "bootstrap":
		return fine(id)
	case p.Platform():
		return []int{http.StatusForbidden}
	case kind == "other" && (where != nowhere || id == "watchEvents"):
		return []int{http.StatusNotFound}
	}
	return fine(id)
}

func each(s *Server, fn func(method, path string, o *huma.Operation)) {
	spec := s.api.OpenAPI()
	paths := make([]string, 0, len(spec.Paths))
	for p := range spec.Paths {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		item := spec.Paths[p]
		for _, m := range []struct {
			method string
			o      *huma.Operation
		}{{"GET", item.Get}, {"PUT", item.Put}, {"POST", item.Post}, {"PATCH", item.Patch}, {"DELETE", item.Delete}} {
			if m.o != nil {
				fn(m.method, p, m.o)
			}
		}
	}
}

// What belongs to others and what is not there cannot be told apart.
func TestNotYoursAndNotThereAreTheSame(t *testing.T) {
	h := newHouse(t)
	_, cookie, _ := h.person("other", false)
	key := h.ticket(h.tenant("Blue"))
	for _, path := range []string{"/tickets/{key}", "/tickets/{key}/timeline", "/tickets/{key}/files", "/events?ticket={key}"} {
		theirs := h.do(ask{method: "GET", path: strings.ReplaceAll(path, "{key}", string(key)), cookie: cookie})
		nobodys := h.do(ask{method: "GET", path: strings.ReplaceAll(path, "{key}", "BLUE-999"), cookie: cookie})
		a, b := theirs.problem(t), nobodys.problem(t)
		a.RequestID, b.RequestID = "", ""
		if a.Detail != b.Detail || a.Status != b.Status || a.Status != http.StatusNotFound {
			t.Errorf("%s: theirs %+v, nobody's %+v", path, a, b)
		}
	}
}

// A member may watch a terminal of scope admin, and no more.
func TestAdminTerminalsAreForAdmins(t *testing.T) {
	h := newHouse(t)
	member, cookie, _ := h.person("member", false)
	_, adminCookie, _ := h.person("admin", true)
	blue := h.tenant("Blue", member)
	key := h.ticket(blue)
	h.terminal(blue, key, "term-admin", helpdesk.ScopeAdmin)
	for _, a := range []ask{
		{method: "POST", path: "/tickets/" + string(key) + "/terminals", body: `{"scope":"admin"}`},
		{method: "PATCH", path: "/terminals/term-admin", body: `{"cols":80}`},
		{method: "DELETE", path: "/terminals/term-admin"},
	} {
		a.cookie = cookie
		if got := h.do(a); got.status != http.StatusForbidden {
			t.Errorf("%s %s by a member answers %d", a.method, a.path, got.status)
		}
		a.cookie = adminCookie
		if got := h.do(a); got.status >= 300 {
			t.Errorf("%s %s by an admin answers %d: %s", a.method, a.path, got.status, got.body)
		}
	}
}

func TestAnOperationWithoutPermissionDoesNotStart(t *testing.T) {
	for name, o := range map[string]operation{
		"none":            {Method: "GET", Path: "/x"},
		"unknown":         {Method: "GET", Path: "/x", Permission: "ticket.own"},
		"without tenant":  {Method: "GET", Path: "/x", Permission: helpdesk.PermTicketWrite},
		"decide anywhere": {Method: "GET", Path: "/x", Permission: helpdesk.PermDecide},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it starts", name)
				}
			}()
			op(o)
		}()
	}
	each(New(Config{}, Services{}), func(method, path string, o *huma.Operation) {
		if p, ok := o.Metadata[metaPermission].(helpdesk.Permission); !ok || !p.Known() {
			t.Errorf("%s %s has no permission", method, path)
		}
		if o.Summary == "" || o.OperationID == "" || len(o.Tags) != 1 {
			t.Errorf("%s %s is not described", method, path)
		}
	})
}
