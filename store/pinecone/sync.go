package pinecone

import (
	"context"
	"time"

	"lindero/store"
	"lindero/tenant"
)

const (
	// entriesRead is how many entries of the outbox are read at once, and partVectors how many vectors: so many that a
	// statement's own cost is little, so few that some can be read while others are sent.
	entriesRead = 1000
	partVectors = 1000
	// maxRecords and maxRequest are Pinecone's limits of one upsert; maxBytes leaves room for the encoding.
	maxRecords = 1000
	maxRequest = 2_000_000
	maxBytes   = 1_800_000
	// maxIDs is Pinecone's limit of one deletion or fetch.
	maxIDs = 1000
	// upsertsAtOnce is how many requests of one tenant are under way.
	upsertsAtOnce = 4
	// Waiting for writes to become visible: the first look, and the longest pause between two.
	firstLook = 50 * time.Millisecond
	lastLook  = time.Second
)

// Sync brings a tenant's namespaces up to date with its record, until all is told and confirmed, or until the
// time is up: settled says which. It must not run twice at once for one tenant. Repeating any of it does no harm.
func (b *Backend) Sync(ctx context.Context, id tenant.ID, ledger Ledger, until time.Time) (settled bool, err error) {
	backend, err := ledger.AlignBackend(ctx)
	if err != nil {
		return false, err
	}
	if backend != store.Pinecone {
		err := b.Leave(ctx, id, ledger)
		return err == nil, err
	}
	pause := firstLook
	for {
		told, err := b.tell(ctx, id, ledger, until)
		if err != nil {
			return false, err
		}
		left, err := b.confirm(ctx, id, ledger)
		if err != nil || (told == 0 && left == 0) {
			return err == nil, err
		}
		if time.Now().After(until) {
			return false, nil
		}
		if told > 0 {
			pause = firstLook
			continue
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, lastLook)
	}
}
