// Package admission shares out how many searches run at once between tenants: a tenant with a thousand requests waiting
// delays another's single one by at most the search under way, not by a thousand. It knows tenants by their ids alone.
package admission

import (
	"container/list"
	"context"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"

	"lindero/fault"
)

// Bounds of what may wait, in searches: of one tenant, and of all.
const (
	maxWaiting    = 256
	maxWaitingAll = 4096
)

// retryAfter is what a refused caller is told to wait.
const retryAfter = time.Second

// memory is how long after its last search a tenant counts as one that may come back: a caller that asks again as soon
// as it is answered is never seen waiting, and others must leave room for it all the same. It is short, or one search a
// second would keep a busy tenant from what nobody uses.
const memory = 100 * time.Millisecond

// Gate lets so many searches run at once. While several tenants search, none has more than half of them, and one that
// wants more than that no more than a quarter, so that the next of another finds room and the processors; a tenant that
// is alone has them all. Who waits is let in by turns of tenants, fewest running first. It is safe for concurrent use.
type Gate struct {
	slots int

	mu      sync.Mutex
	running int
	waiting int
	tenants map[uuid.UUID]*line
	turns   uint64     // counts who was let in
	recent  *list.List // of *line, the one that searched last in front
	latest  sighting   // the last search of all
	before  sighting   // the last one of another tenant than that
}

// sighting is a tenant's search.
type sighting struct {
	tenant uuid.UUID
	at     time.Time
}

// line is what one tenant has running and waiting.
type line struct {
	tenant  uuid.UUID
	running int
	waiting list.List // of *ticket, in the order of arrival
	seen    time.Time // when it last entered or left
	turn    uint64    // when it was last let in, for turns among equals
	place   *list.Element
}

// ticket is one search that waits; admitted is closed, under the gate's lock, when it may run.
type ticket struct{ admitted chan struct{} }

// New makes a gate; with no slots, one that is open to all and only sees who passes.
func New(slots int) *Gate {
	if slots <= 0 {
		slots = math.MaxInt
	}
	return &Gate{slots: slots, tenants: map[uuid.UUID]*line{}, recent: list.New()}
}

// Enter waits until a search of the tenant may run. leave must be called, once, when it is over. Errors: ctx's own; a
// fault.RateLimited when too many of the tenant's wait, a fault.Unavailable when too many of all do.
func (g *Gate) Enter(ctx context.Context, tenant uuid.UUID) (leave func(), err error) {
	started := time.Now()
	g.mu.Lock()
	l := g.touch(tenant)
	if l.waiting.Len() == 0 && g.admits(l) {
		g.admit(l)
		g.mu.Unlock()
		return func() { g.leave(l) }, nil
	}
	if err := g.refuse(l); err != nil {
		g.mu.Unlock()
		refused.Inc()
		return nil, err
	}
	t := &ticket{admitted: make(chan struct{})}
	place := l.waiting.PushBack(t)
	g.waiting++
	g.mu.Unlock()
	select {
	case <-t.admitted:
		waited.Observe(time.Since(started).Seconds())
		return func() { g.leave(l) }, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	select {
	case <-t.admitted: // at the same moment: the place goes to the next
		g.mu.Unlock()
		g.leave(l)
	default:
		l.waiting.Remove(place)
		g.waiting--
		g.mu.Unlock()
	}
	return nil, ctx.Err()
}

func (g *Gate) refuse(l *line) error {
	var err *fault.Error
	switch {
	case l.waiting.Len() >= maxWaiting:
		err = fault.New(fault.RateLimited, "%d searches of this tenant are waiting already; send fewer at once", l.waiting.Len())
	case g.waiting >= maxWaitingAll:
		err = fault.New(fault.Unavailable, "too many searches are waiting; try again in a moment")
	default:
		return nil
	}
	err.RetryAfter = retryAfter
	return err
}

// touch finds or makes the tenant's line and forgets those that have been away for long. g.mu is held.
func (g *Gate) touch(tenant uuid.UUID) *line {
	now := time.Now()
	l := g.tenants[tenant]
	if l == nil {
		l = &line{tenant: tenant}
		l.place = g.recent.PushFront(l)
		g.tenants[tenant] = l
	}
	l.seen = now
	g.recent.MoveToFront(l.place)
	g.forget(now)
	if g.latest.tenant != tenant {
		g.before = g.latest
	}
	g.latest = sighting{tenant, now}
	return l
}

// forget drops lines from the far end. One that has something running or waiting is moved to the front instead.
func (g *Gate) forget(now time.Time) {
	for at := g.recent.Back(); at != nil; at = g.recent.Back() {
		l := at.Value.(*line)
		if now.Sub(l.seen) < memory {
			return
		}
		if l.running > 0 || l.waiting.Len() > 0 {
			l.seen = now
			g.recent.MoveToFront(at)
			continue
		}
		g.recent.Remove(at)
		delete(g.tenants, l.tenant)
	}
}

// admits reports whether a search of the line may run now. g.mu is held.
func (g *Gate) admits(l *line) bool {
	return g.running < g.slots && (len(g.tenants) == 1 || l.running < g.part(l))
}

// part is how many searches the line may run beside others.
func (g *Gate) part(l *line) int {
	half := max(1, g.slots/2)
	if l.running+l.waiting.Len() > half {
		return max(1, g.slots/4)
	}
	return half
}

// admit lets a search of the line run. g.mu is held.
func (g *Gate) admit(l *line) {
	g.running++
	l.running++
	g.turns++
	l.turn = g.turns
}

// leave ends a search and lets in whom there is room for.
func (g *Gate) leave(l *line) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	l.running--
	l.seen = time.Now()
	g.recent.MoveToFront(l.place)
	g.forget(l.seen)
	for g.waiting > 0 {
		next := g.next()
		if next == nil {
			return
		}
		t := next.waiting.Remove(next.waiting.Front()).(*ticket)
		g.waiting--
		g.admit(next)
		close(t.admitted)
	}
}

// next is the line whose turn it is: of those that may run one, the one with the fewest running, and of equals the one
// that was let in longest ago. g.mu is held.
func (g *Gate) next() (best *line) {
	for at := g.recent.Front(); at != nil; at = at.Next() {
		l := at.Value.(*line)
		if l.waiting.Len() == 0 || !g.admits(l) {
			continue
		}
		if best == nil || l.running < best.running || l.running == best.running && l.turn < best.turn {
			best = l
		}
	}
	return best
}
