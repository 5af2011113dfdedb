package pinecone

import (
	"context"
	"fmt"
	"slices"
	"time"

	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/store"
	"lindero/tenant"
)

const (
	// syncBatch is how many changes are read and acknowledged at once: so many that a statement's own cost is little,
	// so few that the next can be read while one is sent.
	syncBatch = 1000
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

// confirm looks which acknowledged writes reads can see, and returns how many they could not.
func (b *Backend) confirm(ctx context.Context, id tenant.ID, ledger Ledger) (left int, err error) {
	for {
		unseen, err := ledger.UnseenVectors(ctx, syncBatch)
		if err != nil || len(unseen) == 0 {
			return 0, err
		}
		s, err := b.space(ctx, id, unseen[0].Dimensions, true)
		if err != nil {
			return 0, err
		}
		seen, err := s.visible(ctx, unseen)
		if err != nil {
			return 0, err
		}
		if err := ledger.VectorsVisible(ctx, seen); err != nil {
			return 0, err
		}
		if len(seen) < len(unseen) {
			return len(unseen) - len(seen), nil
		}
	}
}

// visible returns those of the changes that reads can see: by their position in the log where the service tells
// positions, and by fetching them where it does not.
func (s *space) visible(ctx context.Context, changes []store.VectorChange) ([]store.VectorChange, error) {
	var seen []store.VectorChange
	for batch := range slices.Chunk(changes, maxIDs) {
		ids := s.ids(batch)
		if batch[0].Position != nil {
			ids = ids[:1] // only for what the answer tells beside it
		}
		found, indexed, err := s.fetch(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("look for written vectors: %w", err)
		}
		if batch[0].Position != nil && indexed == nil { // it told positions once and does not now
			if found, _, err = s.fetch(ctx, s.ids(batch)); err != nil {
				return nil, fmt.Errorf("look for written vectors: %w", err)
			}
		}
		for i := range batch {
			if isVisible(&batch[i], found[recordID(s.tenant, batch[i].Collection, batch[i].Ordinal)], indexed) {
				seen = append(seen, batch[i])
			}
		}
	}
	return seen, nil
}

func isVisible(c *store.VectorChange, found *sdk.Vector, indexed *int64) bool {
	if c.Position != nil && indexed != nil {
		return *c.Position <= *indexed
	}
	if found == nil || found.Metadata == nil {
		return false
	}
	return found.Metadata.Fields[revisionField].GetNumberValue() >= float64(c.Revision)
}
