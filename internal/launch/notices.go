package launch

import "sync"

// noticeQueue holds the newest Status of each process that has news, in the order in which the news began. Putting
// never waits, and it never holds more than one Status a process.
type noticeQueue struct {
	mu     *sync.Mutex
	more   *sync.Cond
	latest map[string]Status
	order  []string
	closed bool
}

func newNoticeQueue() noticeQueue {
	mu := new(sync.Mutex)
	return noticeQueue{mu: mu, more: sync.NewCond(mu), latest: map[string]Status{}}
}

func (q *noticeQueue) put(st Status) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, has := q.latest[st.ID]; !has {
		q.order = append(q.order, st.ID)
	}
	q.latest[st.ID] = st
	q.more.Signal()
}

// take waits for a Status; ok is false when the queue is closed and empty.
func (q *noticeQueue) take() (st Status, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.order) == 0 {
		if q.closed {
			return Status{}, false
		}
		q.more.Wait()
	}
	id := q.order[0]
	if q.order = q.order[1:]; len(q.order) == 0 {
		q.order = nil
	}
	st = q.latest[id]
	delete(q.latest, id)
	return st, true
}

func (q *noticeQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}
