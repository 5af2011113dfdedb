package pineconeemu

import (
	"sync"
	"time"
)

// namespace is a namespace's visible records and the accepted writes that are not visible yet. Each accepted write
// has the next log sequence number; writes become visible in that order.
type namespace struct {
	name string

	mu       sync.RWMutex
	visible  bool // to reads
	exists   bool // to writes, which see every accepted write
	records  *table
	pending  []write
	accepted uint64 // the last accepted write's number
	indexed  uint64 // the last visible write's number
}

// write is an accepted change waiting to become visible; a zero due waits for Release.
type write struct {
	number uint64
	due    time.Time
	change change
}

func newNamespace(name string, dimension int) *namespace {
	return &namespace{name: name, records: newTable(dimension)}
}

// accept queues a change and returns its log sequence number. The caller holds the lock.
func (n *namespace) accept(c change, v Visibility) uint64 {
	n.accepted++
	switch c.(type) {
	case dropped:
		n.exists = false
	case upserted, created:
		n.exists = true
	}
	w := write{number: n.accepted, change: c}
	if !v.Hold {
		w.due = time.Now().Add(v.Delay)
	}
	n.pending = append(n.pending, w)
	n.settle(time.Now())
	return n.accepted
}

// settle makes visible what is due. The caller holds the lock.
func (n *namespace) settle(now time.Time) {
	for len(n.pending) > 0 && !n.pending[0].due.IsZero() && !n.pending[0].due.After(now) {
		n.applyFirst()
	}
}

func (n *namespace) applyFirst() {
	w := n.pending[0]
	n.pending[0] = write{} // its vectors are in the table now
	n.pending = n.pending[1:]
	w.change.apply(n)
	n.indexed = w.number
}

func (n *namespace) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.pending) > 0 {
		n.applyFirst()
	}
}

// read runs f on the visible records and returns the last visible write's number.
func (n *namespace) read(f func(t *table)) uint64 {
	n.settleDue()
	n.mu.RLock()
	defer n.mu.RUnlock()
	f(n.records)
	return n.indexed
}

// settleDue takes the write lock only when a write is due, so that reads run beside each other.
func (n *namespace) settleDue() {
	now := time.Now()
	n.mu.RLock()
	due := len(n.pending) > 0 && !n.pending[0].due.IsZero() && !n.pending[0].due.After(now)
	n.mu.RUnlock()
	if due {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.settle(now)
	}
}

func (n *namespace) isVisible() bool {
	n.settleDue()
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.visible
}

// settled returns a copy with every accepted write applied.
func (n *namespace) settled() *namespace {
	n.mu.RLock()
	defer n.mu.RUnlock()
	c := &namespace{name: n.name, visible: n.visible, exists: n.exists, records: n.records.clone()}
	for _, w := range n.pending {
		w.change.apply(c)
	}
	return c
}
