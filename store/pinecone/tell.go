package pinecone

import (
	"context"
	"slices"
	"time"

	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"
	"golang.org/x/sync/errgroup"

	"lindero/store"
	"lindero/tenant"
)

// tell sends all changes there are, or as many as the time allows, and returns the number of those acknowledged. The
// next ones are read, and the last ones' acknowledgements noted, while some are being sent.
func (b *Backend) tell(ctx context.Context, id tenant.ID, ledger Ledger, until time.Time) (told int, err error) {
	group, ctx := errgroup.WithContext(ctx)
	unsent, acknowledged := make(chan []store.VectorChange), make(chan *batch)
	group.Go(func() error {
		defer close(unsent)
		return readUnsent(ctx, ledger, until, unsent)
	})
	group.Go(func() error {
		defer close(acknowledged)
		noted := map[int]bool{} // namespaces, by dimension
		for changes := range unsent {
			sent, err := b.send(ctx, id, ledger, noted, changes)
			if err == nil {
				err = put(ctx, acknowledged, sent)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		for sent := range acknowledged {
			if err := sent.note(ctx, ledger); err != nil {
				return err
			}
			told += len(sent.upserts) + len(sent.deletes)
		}
		return nil
	})
	return told, group.Wait()
}

// readUnsent hands on batches of changes until there are no more or the time is up, one at least.
func readUnsent(ctx context.Context, ledger Ledger, until time.Time, into chan<- []store.VectorChange) error {
	var after store.VectorKey
	for time.Now().Before(until) || after.Ordinal == 0 {
		changes, err := ledger.UnsentVectors(ctx, after, syncBatch)
		if err != nil || len(changes) == 0 {
			return err
		}
		last := changes[len(changes)-1]
		after = store.VectorKey{Collection: last.Collection, Ordinal: last.Ordinal}
		if err := put(ctx, into, changes); err != nil {
			return err
		}
	}
	return nil
}

func put[T any](ctx context.Context, into chan<- T, what T) error {
	select {
	case into <- what:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// batch is what was sent of one read of the outbox: changes of one dimension.
type batch struct {
	space            *space
	upserts, deletes []store.VectorChange
}

// send tells changes of one dimension. The namespace is noted before the first write to it.
func (b *Backend) send(ctx context.Context, id tenant.ID, ledger Ledger, noted map[int]bool, changes []store.VectorChange) (*batch, error) {
	dimensions := changes[0].Dimensions
	s, err := b.space(ctx, id, dimensions, true)
	if err != nil {
		return nil, err
	}
	if !noted[dimensions] {
		if err := ledger.NoteNamespace(ctx, dimensions); err != nil {
			return nil, err
		}
		noted[dimensions] = true
	}
	sent := &batch{space: s, deletes: slices.DeleteFunc(slices.Clone(changes), func(c store.VectorChange) bool { return !c.Deleted })}
	sent.upserts = slices.DeleteFunc(changes, func(c store.VectorChange) bool { return c.Deleted })
	if err := s.upsertAll(ctx, sent.upserts); err != nil {
		return nil, err
	}
	for ids := range slices.Chunk(s.ids(sent.deletes), maxIDs) {
		if err := s.delete(ctx, ids); err != nil {
			return nil, err
		}
	}
	return sent, nil
}

// note tells the ledger what was acknowledged.
func (sent *batch) note(ctx context.Context, ledger Ledger) error {
	if err := sent.space.lookOnce(ctx, sent.upserts); err != nil {
		return err
	}
	changesTold.WithLabelValues("upserted").Add(float64(len(sent.upserts)))
	changesTold.WithLabelValues("deleted").Add(float64(len(sent.deletes)))
	return ledger.VectorsSent(ctx, append(sent.upserts, sent.deletes...))
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
		records, bytes, err := s.nextRequest(changes)
		if err != nil {
			return err
		}
		request := changes[:len(records)]
		group.Go(func() error {
			position, err := s.upsert(ctx, records, bytes)
			for i := range request {
				request[i].Position = position
			}
			return err
		})
		changes = changes[len(records):]
	}
	return group.Wait()
}

// nextRequest are the first of the changes as records, as many as one request takes, and how many bytes they are.
func (s *space) nextRequest(changes []store.VectorChange) (records []*sdk.Vector, bytes int, err error) {
	records = make([]*sdk.Vector, 0, min(len(changes), maxRecords))
	for i := range changes[:min(len(changes), maxRecords)] {
		record, size, err := s.record(&changes[i])
		if err != nil {
			return nil, 0, err
		}
		if i > 0 && bytes+size > maxBytes {
			break
		}
		records, bytes = append(records, record), bytes+size
	}
	return records, bytes, nil
}

func (s *space) ids(changes []store.VectorChange) []string {
	ids := make([]string, len(changes))
	for i := range changes {
		ids[i] = recordID(s.tenant, changes[i].Collection, changes[i].Ordinal)
	}
	return ids
}
