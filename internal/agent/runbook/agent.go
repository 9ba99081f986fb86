// Package runbook is the built-in agent: it knows problems of one machine from runbooks, which are data, and
// needs no key, no network and no model.
//
// Promises: the same request gives the same answer. It keeps nothing between turns but the state it returns;
// what commands printed is read again from the conversation each time. It runs nothing: every command is a
// proposal. It claims only what an expression over real output says, always with the lines that show it, word
// for word; what could not be read is named, never guessed. A person's words and a machine's output are data:
// in commands they are quoted, in text they are escaped.
package runbook

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"
	"sync"

	"helpdesk"
	"helpdesk/runbooks"
)

// Config says which runbooks the agent has beside the built-in ones.
type Config struct {
	Dir string // of the user's own *.yaml; one with the id of a built-in replaces it. Default "": none
}

// Agent answers by runbooks. It is safe for use by many turns at once.
type Agent struct {
	books []*Runbook
	ready map[*Runbook]func() []Problem // compiles a built-in at its first use
	words *wordsData
	index *index
}

// New reads the runbooks. Faults in files of Dir are reported together, each with its file and line.
func New(cfg Config) (*Agent, error) {
	text, err := fs.ReadFile(runbooks.Files, wordsFile)
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Internal, err, "The words of the built-in agent cannot be read.")
	}
	words, problems := parseWords(text)
	books, ps := loadAll(runbooks.Files, "runbooks")
	problems = append(problems, ps...)
	if len(problems) > 0 {
		return nil, helpdesk.WithCause(helpdesk.Internal, problems[0], "A built-in runbook is faulty.")
	}
	if cfg.Dir != "" {
		own, ps := loadAll(os.DirFS(cfg.Dir), cfg.Dir)
		for _, b := range own {
			ps = append(ps, b.compile()...)
		}
		if len(ps) > 0 {
			return nil, problemsError(ps)
		}
		if books, err = replace(books, own); err != nil {
			return nil, err
		}
	}
	a := &Agent{books: books, words: words}
	a.prepare()
	return a, nil
}

// prepare makes what is known of all runbooks together.
func (a *Agent) prepare() {
	a.ready = map[*Runbook]func() []Problem{}
	for _, b := range a.books {
		a.ready[b] = sync.OnceValue(b.compile)
	}
	a.index = newIndex(a.books, a.words)
}

// problemsError is one error that names every fault with its file and line.
func problemsError(problems []Problem) error {
	var text strings.Builder
	for _, p := range problems {
		text.WriteString("\n" + p.Error())
	}
	return helpdesk.Errorf(helpdesk.Invalid, "Runbooks with faults cannot be used:%s", text.String())
}

// replace puts the user's runbooks beside the built-in ones, or in the place of those with the same id.
func replace(books, own []*Runbook) ([]*Runbook, error) {
	at := map[string]int{}
	for i, b := range books {
		at[b.ID] = i
	}
	mine := map[string]string{}
	for _, b := range own {
		if other, twice := mine[b.ID]; twice {
			return nil, helpdesk.Errorf(helpdesk.Invalid, "The runbooks %s and %s have the same id %q.", other, b.file, b.ID)
		}
		mine[b.ID] = b.file
		if i, ok := at[b.ID]; ok {
			books[i] = b
			continue
		}
		books = append(books, b)
	}
	return books, nil
}

// Check reads one runbook's text and reports every fault in it with its line; none means that it can be used.
func Check(file string, text []byte) []Problem {
	b, problems := parse(file, text)
	if b == nil {
		return problems
	}
	return b.compile()
}

// About is the built-in agent as it is registered: name, domain, description and prompt suggestions.
func About() helpdesk.Agent {
	return helpdesk.Agent{
		Name:        "Machine doctor",
		Kind:        helpdesk.AgentRunbook,
		Domain:      "This machine",
		Description: "Examines this machine by runbooks: proposes commands that only read, reads what they print and names the cause with its evidence. Works offline, without a key.",
		PromptSuggestions: []string{
			"The disk is full. What takes up the space?",
			"Port 8080 is already in use. Who holds it?",
			"Nothing answers on port 443. Is the service listening?",
			"The machine is running out of memory. What uses it?",
			"A process was killed, perhaps by the OOM killer. Find out.",
			"What is this machine? Give me an overview.",
		},
	}
}

// Answer is one turn.
func (a *Agent) Answer(ctx context.Context, req helpdesk.Request) iter.Seq2[helpdesk.Part, error] {
	return func(yield func(helpdesk.Part, error) bool) {
		t := &turn{agent: a, req: req, memory: recall(req.State)}
		gone := false // the reader has left, so nothing may be yielded any more
		t.emit = func(p helpdesk.Part) {
			if gone || ctx.Err() != nil {
				return
			}
			gone = !yield(p, nil)
		}
		err := t.play()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil && !gone {
			yield(helpdesk.Part{}, err)
		}
	}
}

// book finds a runbook by id, ready for use.
func (a *Agent) book(id string) *Runbook {
	for _, b := range a.books {
		if b.ID == id {
			if ps := a.ready[b](); len(ps) > 0 {
				return nil
			}
			return b
		}
	}
	return nil
}

// Problems are the faults in the expressions of all runbooks; a test keeps the built-in ones without any.
func (a *Agent) Problems() []error {
	var all []error
	for _, b := range a.books {
		for _, p := range a.ready[b]() {
			all = append(all, fmt.Errorf("%w", p))
		}
	}
	return all
}
