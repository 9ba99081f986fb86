// Package keyed has a lock for each key, such as a ticket's. A key that nobody locks takes no memory.
package keyed

import "sync"

// Mutex is a set of mutexes, one for each key. The zero Mutex is ready.
type Mutex[K comparable] struct {
	mu    sync.Mutex
	locks map[K]*entry
}

type entry struct {
	sync.Mutex
	users int // who hold it or wait for it
}

// Lock locks the key, waiting where it is locked, and gives what unlocks it.
func (m *Mutex[K]) Lock(key K) (unlock func()) {
	m.mu.Lock()
	if m.locks == nil {
		m.locks = map[K]*entry{}
	}
	e := m.locks[key]
	if e == nil {
		e = new(entry)
		m.locks[key] = e
	}
	e.users++
	m.mu.Unlock()
	e.Lock()
	return func() {
		e.Unlock()
		m.mu.Lock()
		defer m.mu.Unlock()
		if e.users--; e.users == 0 {
			delete(m.locks, key)
		}
	}
}
