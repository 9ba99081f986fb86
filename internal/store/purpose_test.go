package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helpdesk/internal/store"
)

// crossings is every place that may cross tenants, with its reason. A use that is not here fails the test: first
// think whether View or Update would do.
var crossings = []struct{ folder, purpose, why string }{
	{"internal/auth", "Directory", "who somebody is, is asked before it is known which tenants are theirs"},
	{"internal/directory", "Directory", "tenants and people are managed by platform admins, who stand above tenants"},
	{"internal/store", "Directory", "the roster answers services that name the tenant; it gives no tenant's content"},
	{"internal/turn", "TurnQueue", "whose turn is next does not depend on the tenant"},
	{"internal/approval", "Sweeps", "approvals lapse and lost runs are settled in every tenant"},
	{"internal/terminal", "Sweeps", "terminals of lost launchers are ended in every tenant"},
	{"internal/terminal", "Directory", "place and slot of the ticket's own tenant, which is found by reach before"},
	{"internal/workspace", "Directory", "place and slot of the ticket's own tenant, which is found by reach before"},
	{"internal/desk", "Sweeps", "closings are resumed and deleted tickets purged in every tenant"},
	{"internal/workspace", "Sweeps", "workspaces without a ticket are removed in every tenant"},
	{"internal/app", "Sweeps", "what a start finds half done is finished in every tenant"},
}

// systemMethods is every method that crosses tenants, with the purposes it serves.
var systemMethods = map[string][]store.Purpose{
	"Now":     {store.Directory, store.Sweeps, store.TurnQueue},
	"Audit":   {store.Directory, store.Sweeps},
	"Recall":  {store.Directory},
	"Tenants": {store.Directory}, "InsertTenant": {store.Directory}, "SaveTenant": {store.Directory},
	"Variables": {store.Directory}, "SaveVariable": {store.Directory},
	"Members": {store.Directory}, "SetMembers": {store.Directory}, "AddMember": {store.Directory}, "Memberships": {store.Directory},
	"Agents": {store.Directory}, "SaveAgent": {store.Directory}, "Instances": {store.Directory}, "SaveInstance": {store.Directory},
	"User": {store.Directory}, "Users": {store.Directory}, "UserByEmail": {store.Directory}, "SaveUser": {store.Directory},
	"InsertLink": {store.Directory}, "UseLink": {store.Directory}, "DropLinks": {store.Directory}, "NeverSignedIn": {store.Directory}, "DropExpired": {store.Directory},
	"InsertLogin": {store.Directory}, "Login": {store.Directory}, "Logins": {store.Directory}, "TouchLogin": {store.Directory}, "DropLogin": {store.Directory}, "DropLogins": {store.Directory},
	"InsertToken": {store.Directory}, "Token": {store.Directory}, "Tokens": {store.Directory}, "TouchToken": {store.Directory}, "DropToken": {store.Directory},
	"Remember":         {store.Directory},
	"WaitingTurns":     {store.TurnQueue},
	"OpenRuns":         {store.Sweeps},
	"LiveTerminals":    {store.Sweeps},
	"ClosingTickets":   {store.Sweeps},
	"PurgeableTickets": {store.Sweeps},
	"LapsedApprovals":  {store.Sweeps},
	"ForgetRequests":   {store.Sweeps},
	"OldRequests":      {store.Sweeps},
	"TouchNode":        {store.Sweeps},
}

func TestSystemMethodsHaveAPurpose(t *testing.T) {
	have := methods[*store.System]()
	for _, name := range have {
		if len(systemMethods[name]) == 0 {
			t.Errorf("method %s of System crosses tenants, and systemMethods does not say what for", name)
		}
	}
	for name := range systemMethods {
		if !slices.Contains(have, name) {
			t.Errorf("systemMethods lists %s, which System does not have", name)
		}
	}
}

// Ensure that every transaction that crosses tenants is one of those we know, with its reason.
func TestCrossingsAreKnown(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "web" || strings.HasPrefix(d.Name(), ".") && path != root):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "System") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
		if err != nil {
			return nil // somebody is writing it; the compiler will tell
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || f.Sel.Name != "SystemView" && f.Sel.Name != "SystemUpdate" {
				return true
			}
			purpose := ""
			switch p := call.Args[1].(type) {
			case *ast.SelectorExpr:
				purpose = p.Sel.Name
			case *ast.Ident:
				purpose = p.Name
			}
			for _, c := range crossings {
				if c.folder == filepath.ToSlash(folder) && c.purpose == purpose {
					return true
				}
			}
			t.Errorf("%v: %s crosses tenants for %q, and crossings does not say why", files.Position(call.Pos()), folder, purpose)
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
