package pinecone

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lindero/store"
	"lindero/tenant"
)

// teller tells Pinecone what a tenant's outbox holds. The next vectors are read while some are being sent, and what was
// acknowledged is noted meanwhile.
type teller struct {
	backend *Backend
	id      tenant.ID
	ledger  Ledger
	spaces  map[int]*space // by dimension, their namespaces noted
	told    int            // entries acknowledged and noted
}

// tell sends all changes there are, or as many as the time allows, and returns of how many entries of the outbox.
func (b *Backend) tell(ctx context.Context, id tenant.ID, ledger Ledger, until time.Time) (told int, err error) {
	t := &teller{backend: b, id: id, ledger: ledger, spaces: map[int]*space{}}
	group, ctx := errgroup.WithContext(ctx)
	read, acknowledged := make(chan *part), make(chan *part, upsertsAtOnce)
	group.Go(func() error {
		defer close(read)
		return t.read(ctx, until, read)
	})
	group.Go(func() error {
		defer close(acknowledged)
		return t.send(ctx, read, acknowledged)
	})
	group.Go(func() error { return t.note(ctx, acknowledged) })
	err = group.Wait()
	return t.told, err
}

// read hands on what is to be told, until there is no more or the time is up, one part at least.
func (t *teller) read(ctx context.Context, until time.Time, into chan<- *part) error {
	var after store.VectorEntry
	for {
		entries, err := t.ledger.UnsentVectors(ctx, after, entriesRead)
		if err != nil || len(entries) == 0 {
			return err
		}
		after = entries[len(entries)-1]
		for len(entries) > 0 {
			n := partOf(entries)
			p, err := t.readPart(ctx, entries[:n])
			if err == nil {
				err = put(ctx, into, p)
			}
			if err != nil || time.Now().After(until) {
				return err
			}
			entries = entries[n:]
		}
	}
}

// partOf is how many of the entries make a part: some of the same collection, about partVectors in all.
func partOf(entries []store.VectorEntry) (n int) {
	for vectors := 0; n < len(entries) && entries[n].Collection == entries[0].Collection; n++ {
		if vectors += entries[n].Run; n > 0 && vectors > partVectors {
			break
		}
	}
	return n
}

func (t *teller) readPart(ctx context.Context, entries []store.VectorEntry) (*part, error) {
	s, err := t.space(ctx, entries[0].Dimensions)
	if err != nil {
		return nil, err
	}
	reading, err := t.ledger.ReadVectors(ctx, entries)
	if err != nil {
		return nil, err
	}
	return newPart(s, entries, reading), nil
}

// space is the namespace of a dimension. It is noted before the first write to it.
func (t *teller) space(ctx context.Context, dimensions int) (*space, error) {
	if known := t.spaces[dimensions]; known != nil {
		return known, nil
	}
	s, err := t.backend.space(ctx, t.id, dimensions, true)
	if err != nil {
		return nil, err
	}
	if err := t.ledger.NoteNamespace(ctx, dimensions); err != nil {
		return nil, err
	}
	t.spaces[dimensions] = s
	return s, nil
}

func put[T any](ctx context.Context, into chan<- T, what T) error {
	select {
	case into <- what:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send tells parts, some requests at once, and hands on those that are acknowledged as a whole. A part with ordinals of
// one that is under way waits: what is told last of a vector must be what was read last.
func (t *teller) send(ctx context.Context, parts <-chan *part, acknowledged chan<- *part) error {
	requests, ctx := errgroup.WithContext(ctx)
	requests.SetLimit(upsertsAtOnce)
	var underway sync.WaitGroup
	begin := func(request func() error) {
		underway.Add(1)
		requests.Go(func() error {
			defer underway.Done()
			return request()
		})
	}
	var reached store.VectorKey
	for p := range parts {
		if p.begins(reached) {
			underway.Wait()
		}
		if ctx.Err() != nil { // a request has failed
			break
		}
		reached = p.end(reached)
		if err := p.send(ctx, begin, func() error { return put(ctx, acknowledged, p) }); err != nil {
			return errors.Join(err, requests.Wait())
		}
	}
	return requests.Wait()
}

// note tells the ledger what was acknowledged, as much at once as there is.
func (t *teller) note(ctx context.Context, acknowledged <-chan *part) error {
	for p := range acknowledged {
		parts := []*part{p}
		for range len(acknowledged) {
			parts = append(parts, <-acknowledged)
		}
		entries := map[*space][]store.VectorEntry{}
		for _, p := range parts {
			entries[p.space] = append(entries[p.space], p.settled()...)
			changesTold.WithLabelValues("upserted").Add(float64(len(p.upserts)))
			changesTold.WithLabelValues("deleted").Add(float64(len(p.deletes)))
		}
		for s, settled := range entries {
			if err := s.lookOnce(ctx, settled); err != nil {
				return err
			}
			if err := t.ledger.VectorsSent(ctx, settled); err != nil {
				return err
			}
			t.told += len(settled)
		}
	}
	return nil
}
