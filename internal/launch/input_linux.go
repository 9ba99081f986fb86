package launch

import (
	"bytes"
	"regexp"
	"sync"
	"time"

	"helpdesk"
)

// maxQueued is how much typing waits for a program that does not read.
const maxQueued = 1 << 20

// inputQueue is the typing that the terminal has not taken yet.
type inputQueue struct {
	mu      sync.Mutex
	items   []typed
	size    int
	busy    bool // a goroutine is writing
	closed  bool
	silent  bool    // nothing is recorded until a line end was typed
	readers readers // for whoever writes: the one who holds mu, or while busy is set the goroutine
}

type typed struct {
	data []byte
	done func(error)
}

// typeIn queues data and calls done when the terminal has taken it. What it takes at once costs no goroutine.
func (p *process) typeIn(data []byte, done func(error)) {
	if len(data) > MaxInput {
		done(helpdesk.Errorf(helpdesk.TooLarge, "At most %d KiB can be typed at once.", MaxInput>>10))
		return
	}
	q := &p.input
	q.mu.Lock()
	switch {
	case q.closed:
		q.mu.Unlock()
		done(errEnded)
		return
	case q.size+len(data) > maxQueued:
		q.mu.Unlock()
		done(helpdesk.Errorf(helpdesk.TooMany, "The program in the terminal does not read what is typed. Stop it, or wait."))
		return
	case !q.busy:
		n, err := p.write(data)
		if err != nil || n == len(data) {
			q.mu.Unlock()
			done(err)
			return
		}
		data = data[n:]
		q.busy = true
		go p.writeQueued()
	}
	q.items = append(q.items, typed{data, done})
	q.size += len(data)
	q.mu.Unlock()
}

// writeQueued writes what is queued and ends when nothing is.
func (p *process) writeQueued() {
	q := &p.input
	for {
		q.mu.Lock()
		if len(q.items) == 0 {
			q.busy = false
			if q.closed {
				q.readers.forget()
			}
			q.mu.Unlock()
			return
		}
		item := q.items[0]
		q.items = q.items[1:]
		q.size -= len(item.data)
		q.mu.Unlock()
		var err error
		for len(item.data) > 0 && err == nil {
			var n int
			if n, err = p.write(item.data); n == 0 && err == nil {
				err = p.awaitWritable()
			}
			item.data = item.data[n:]
		}
		item.done(err)
	}
}

// awaitWritable waits until the terminal takes more.
func (p *process) awaitWritable() error {
	first := true
	if err := p.raw.Write(func(uintptr) bool { again := !first; first = false; return again }); err != nil {
		return errEnded
	}
	return nil
}

func (q *inputQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if !q.busy {
		q.readers.forget()
	}
}

// write writes what the terminal takes at once, and records it where that is safe.
func (p *process) write(data []byte) (int, error) {
	before := p.spec.CaptureInput && p.recordable(len(data) == 1 && !endsLine(data))
	n, err := tryWrite(p.raw, data)
	if n > 0 && p.spec.CaptureInput {
		p.record(data[:n], before && p.recordable(false))
	}
	if err != nil {
		return n, errEnded
	}
	return n, nil
}

// recordable says whether what is typed now may be kept: not while the terminal hides it from the one who types, not
// while a program reads that hands it on to a terminal we cannot see, and not after a prompt for a secret.
//
// Who reads is looked at before and after the bytes are typed, because a program may take them and be gone. A single
// key that ends no line is worth one look, after it, while the same group is in the foreground: it ends no program that
// hands on a secret, since of a secret that began before it nothing is kept until its line has ended.
func (p *process) recordable(key bool) bool {
	canonical, echo, err := ttyFlags(p.raw)
	if err != nil || canonical && !echo {
		return false
	}
	p.mu.Lock()
	if !p.tailSeen {
		p.tailSeen, p.secret = true, asksForSecret(p.tail)
	}
	secret := p.secret
	p.mu.Unlock()
	if secret || canonical {
		return !secret
	}
	pgrp := foreground(p.raw)
	if key && p.input.readers.knows(pgrp) {
		return true
	}
	return !p.input.readers.relayed(pgrp)
}

func endsLine(data []byte) bool { return bytes.ContainsAny(data, "\r\n") }

// record keeps data, unless it or what comes before it on the line may be secret.
func (p *process) record(data []byte, safe bool) {
	q := &p.input
	if !safe {
		q.silent = true
	}
	if q.silent {
		if endsLine(data) {
			q.silent = false
		}
		return
	}
	_ = p.log.Input(data, time.Now()) // a full disk shows at the next output, which then pauses
}

// tailSize is how much of the last output is looked at for a prompt.
const tailSize = 512

// remember keeps the last output. It is called with mu held.
func (p *process) remember(out []byte) {
	if !p.spec.CaptureInput {
		return
	}
	p.tailSeen = false
	if i := bytes.LastIndexByte(out, '\n'); i >= 0 {
		p.tail, out = p.tail[:0], out[i+1:]
	}
	p.tail = append(p.tail, out[max(0, len(out)-tailSize):]...)
	if len(p.tail) > tailSize {
		p.tail = append(p.tail[:0], p.tail[len(p.tail)-tailSize:]...)
	}
}

var (
	escapes      = regexp.MustCompile(`\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\a\x1b]*(\a|\x1b\\)?|[@-Z\\-_])`)
	secretPrompt = regexp.MustCompile(`(?i)(pass ?word|pass ?phrase|pass ?code|\bpin\b|\botp\b|one[- ]time|verification code|security code|2fa|\bmfa\b|token|secret|api[- ]?key|private key|credential|passwort|kennwort|mot de passe|contraseña)[^\r\n]{0,80}[:?>=]\s*$`)
)

// asksForSecret says whether the last line of output is a prompt for something secret, by the documented list.
func asksForSecret(tail []byte) bool {
	line := tail[bytes.LastIndexByte(tail, '\n')+1:]
	if !bytes.ContainsAny(line, ":?>=") {
		return false // the cheap answer, which is that of most keys
	}
	return secretPrompt.Match(escapes.ReplaceAll(line, nil))
}
