package jobs

import (
	"context"
	"testing"
	"time"

	"lindero/store"
)

func itemsOf(bytes ...int) []store.WorkItem {
	items := make([]store.WorkItem, len(bytes))
	for i, n := range bytes {
		items[i].Payload.Body = make([]byte, n)
	}
	return items
}

func TestLargeBatchesWaitForEachOtherAndSmallOnesForNobody(t *testing.T) {
	t.Parallel()
	m := newMemory()
	release, err := m.acquire(t.Context(), itemsOf(60<<20, 60<<20)) // more than there is: alone
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.acquire(t.Context(), itemsOf(1<<20, 1<<19)); err != nil {
		t.Errorf("a small batch: %v", err)
	}
	broken, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := m.acquire(broken, itemsOf(4<<20)); err == nil {
		t.Error("a large batch did not wait")
	}
	next := make(chan error)
	go func() {
		_, err := m.acquire(t.Context(), itemsOf(4<<20))
		next <- err
	}()
	release()
	if err := <-next; err != nil {
		t.Errorf("the next: %v", err)
	}
	if !m.free.TryAcquire(workMemory - memoryFactor*4<<20) {
		t.Error("memory was lost")
	}
}
