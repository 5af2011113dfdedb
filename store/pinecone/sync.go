package pinecone

import (
	"context"
	"fmt"
	"slices"
	"time"

	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"
	"golang.org/x/sync/errgroup"

	"lindero/store"
	"lindero/tenant"
)

const (
	// syncBatch is how many changes are read and acknowledged at once.
	syncBatch = 2000
	// maxRecords and maxBytes are Pinecone's limits of one upsert, the second with room for the encoding.
	maxRecords = 1000
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

// tell sends all changes there are, or as many as the time allows, and returns their number. The next ones are read
// while some are being sent.
func (b *Backend) tell(ctx context.Context, id tenant.ID, ledger Ledger, until time.Time) (told int, err error) {
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan []store.VectorChange)
	group.Go(func() error {
		defer close(batches)
		var after store.VectorKey
		for time.Now().Before(until) || after.Ordinal == 0 {
			changes, err := ledger.UnsentVectors(ctx, after, syncBatch)
			if err != nil || len(changes) == 0 {
				return err
			}
			last := changes[len(changes)-1]
			after = store.VectorKey{Collection: last.Collection, Ordinal: last.Ordinal}
			select {
			case batches <- changes:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	group.Go(func() error {
		for changes := range batches {
			if err := b.send(ctx, id, ledger, changes); err != nil {
				return err
			}
			told += len(changes)
		}
		return nil
	})
	return told, group.Wait()
}

// send tells one batch of changes of one dimension.
func (b *Backend) send(ctx context.Context, id tenant.ID, ledger Ledger, changes []store.VectorChange) error {
	dimensions := changes[0].Dimensions
	s, err := b.space(ctx, id, dimensions, true)
	if err != nil {
		return err
	}
	if err := ledger.NoteNamespace(ctx, dimensions); err != nil {
		return err
	}
	upserts := slices.DeleteFunc(slices.Clone(changes), func(c store.VectorChange) bool { return c.Deleted })
	deletes := slices.DeleteFunc(changes, func(c store.VectorChange) bool { return !c.Deleted })
	if err := s.upsertAll(ctx, upserts); err != nil {
		return err
	}
	for batch := range slices.Chunk(deletes, maxIDs) {
		if err := s.delete(ctx, s.ids(batch)); err != nil {
			return err
		}
	}
	if err := s.lookOnce(ctx, upserts); err != nil {
		return err
	}
	sent.WithLabelValues("upserted").Add(float64(len(upserts)))
	sent.WithLabelValues("deleted").Add(float64(len(deletes)))
	return ledger.VectorsSent(ctx, append(upserts, deletes...))
}

// lookOnce notes which changes reads have come to already: where that is soon, one note is spared for each.
func (s *space) lookOnce(ctx context.Context, changes []store.VectorChange) error {
	if len(changes) == 0 || changes[0].Position == nil {
		return nil // looking for each would cost more than it spares
	}
	_, indexed, err := s.fetch(ctx, s.ids(changes[:1]))
	if err != nil || indexed == nil {
		return err
	}
	for i := range changes {
		changes[i].Visible = changes[i].Position != nil && *changes[i].Position <= *indexed
	}
	return nil
}

// upsertAll writes changes in requests within the service's limits, and notes in each where it stands in the log.
func (s *space) upsertAll(ctx context.Context, changes []store.VectorChange) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(upsertsAtOnce)
	for len(changes) > 0 {
		records, n, err := s.nextRequest(changes)
		if err != nil {
			return err
		}
		batch := changes[:n]
		group.Go(func() error {
			position, err := s.upsert(ctx, records)
			for i := range batch {
				batch[i].Position = position
			}
			return err
		})
		changes = changes[n:]
	}
	return group.Wait()
}

func (s *space) nextRequest(changes []store.VectorChange) (records []*sdk.Vector, n int, err error) {
	bytes := 0
	for n < min(len(changes), maxRecords) {
		record, size, err := s.record(&changes[n])
		if err != nil {
			return nil, 0, err
		}
		if bytes += size; n > 0 && bytes > maxBytes {
			break
		}
		records = append(records, record)
		n++
	}
	return records, n, nil
}

func (s *space) ids(changes []store.VectorChange) []string {
	ids := make([]string, len(changes))
	for i := range changes {
		ids[i] = recordID(s.tenant, changes[i].Collection, changes[i].Ordinal)
	}
	return ids
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
