package keyed

import (
	"sync"
	"testing"
)

func TestOneAtATimeForEachKeyAndNothingIsLeft(t *testing.T) {
	var m Mutex[string]
	count := map[string]*int{"a": new(int), "b": new(int)}
	var wg sync.WaitGroup
	for key, n := range count {
		for range 50 {
			wg.Go(func() {
				defer m.Lock(key)()
				*n++ // the race detector watches
			})
		}
	}
	holdsOther := m.Lock("c")
	wg.Wait()
	holdsOther()
	if *count["a"] != 50 || *count["b"] != 50 || len(m.locks) != 0 {
		t.Errorf("got %d and %d, %d locks left", *count["a"], *count["b"], len(m.locks))
	}
}
