package ingest

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Neighbours tells a tenant's bulk work of the searches of others.
type Neighbours interface {
	// OthersSearch reports whether another tenant has searched a moment ago.
	OthersSearch(tenant uuid.UUID) bool
	// MakeWay rests after a piece of work that took so long, while others search.
	MakeWay(ctx context.Context, tenant uuid.UUID, worked time.Duration)
}

// Alone is to have no neighbours.
type Alone struct{}

// OthersSearch implements Neighbours.
func (Alone) OthersSearch(uuid.UUID) bool { return false }

// MakeWay implements Neighbours.
func (Alone) MakeWay(context.Context, uuid.UUID, time.Duration) {}
