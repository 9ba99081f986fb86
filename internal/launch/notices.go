package launch

import "sync"

// noticeQueue holds the newest Status of each process that has news, in the order in which the news began. Putting
// never waits, and it never holds more than one Status a process. What is put is taken at once by who can, or by who
// waits once it was woken.
type noticeQueue struct {
	mu     *sync.Mutex
	more   *sync.Cond
	latest map[string]Status
	order  []string
	woken  bool
	closed bool
}

func newNoticeQueue() noticeQueue {
	mu := new(sync.Mutex)
	return noticeQueue{mu: mu, more: sync.NewCond(mu), latest: map[string]Status{}}
}

func (q *noticeQueue) put(st Status) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if before, has := q.latest[st.ID]; has {
		st.Tail = joinTails(before, st)
	} else {
		q.order = append(q.order, st.ID)
	}
	q.latest[st.ID] = st
}

// maxTail is the most output that is sent along with a status, so that it need not be read from the transcript: an
// echo, a prompt, a line.
const maxTail = 4 << 10

// joinTails gives the tail of a Status that takes the place of another one.
func joinTails(before, now Status) []byte {
	switch at := now.End - int64(len(now.Tail)); {
	case at != before.End || len(before.Tail) == 0:
		return now.Tail // a gap, or nothing to join
	case len(before.Tail)+len(now.Tail) > maxTail:
		return nil
	case len(now.Tail) == 0:
		return before.Tail
	}
	return append(before.Tail[:len(before.Tail):len(before.Tail)], now.Tail...)
}

// take takes a Status if there is one.
func (q *noticeQueue) take() (st Status, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return Status{}, false
	}
	id := q.order[0]
	if q.order = q.order[1:]; len(q.order) == 0 {
		q.order = nil
	}
	st = q.latest[id]
	delete(q.latest, id)
	return st, true
}

// wake wakes who waits.
func (q *noticeQueue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.woken = true
	q.more.Signal()
}

// wait waits until it is woken; false when the queue is closed.
func (q *noticeQueue) wait() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.woken && !q.closed {
		q.more.Wait()
	}
	q.woken = false
	return !q.closed
}

func (q *noticeQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}
