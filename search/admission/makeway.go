package admission

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Bulk work beside searches of others rests for so long after each piece, for each time that the piece took, so that fewer
// than one search in twenty meets a piece; and at most for so long, so that it never stands still.
const (
	restFactor = 25
	maxRest    = 2 * time.Second
	restStep   = 50 * time.Millisecond
)

// activeFor is how long after its last search a tenant counts as searching.
const activeFor = 250 * time.Millisecond

// OthersSearch reports whether another tenant than this has searched a moment ago.
func (g *Gate) OthersSearch(tenant uuid.UUID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	last := g.latest
	if last.tenant == tenant {
		last = g.before
	}
	return !last.at.IsZero() && time.Since(last.at) < activeFor
}

// MakeWay has a piece of a tenant's bulk work, which took so long, be followed by a rest for as long as other tenants
// search. A tenant's own searches are its own affair. It returns early when ctx ends.
func (g *Gate) MakeWay(ctx context.Context, tenant uuid.UUID, worked time.Duration) {
	started := time.Now()
	for until := started.Add(min(restFactor*worked, maxRest)); ctx.Err() == nil && g.OthersSearch(tenant); {
		left := time.Until(until)
		if left <= 0 {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(left, restStep)):
		}
	}
	rested.Add(time.Since(started).Seconds())
}
