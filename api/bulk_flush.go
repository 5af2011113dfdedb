package api

import (
	"context"
	"time"

	"lindero/fault"
	"lindero/store"
)

const (
	// roomPoll is how often a waiting stream looks for room in the queue.
	roomPoll = 200 * time.Millisecond
	// smallCall and smallBytes bound a call that goes with the single documents rather than behind the bulk.
	smallCall  = 50
	smallBytes = 1 << 20
)

// turnAway refuses a request while the tenant's queue is full.
func turnAway(ctx context.Context, st Storage) error {
	q, err := st.Queue(ctx)
	if err != nil || remaining(q) > 0 || q.Documents == 0 {
		return err
	}
	full := fault.New(fault.RateLimited, "the queue is full: %d documents wait to be indexed; try again in a while", q.Documents)
	full.RetryAfter = max(q.Reset/10, time.Second)
	return full
}

// flush accepts the batch; last says that the request has no more. What finds no room in the queue within
// patience is reported as rejected, and so is, without waiting again, what finds none after it.
func (b *bulk) flush(last bool) error {
	small := last && b.view.Accepted == 0 && b.away == 0 && len(b.batch) <= smallCall && b.bytes <= smallBytes
	opts := store.AcceptOptions{Operation: b.op.ID, Bulk: !small}
	until := time.Now().Add(b.patience)
	for len(b.batch) > 0 {
		accepted, err := b.acceptSome(opts)
		if err != nil && !refused(err) {
			b.batch, b.indexes, b.bytes = nil, nil, 0
			return err
		}
		if accepted > 0 {
			until = time.Now().Add(b.patience)
			continue
		}
		if !time.Now().Before(until) {
			b.rejectRest(err)
			break
		}
		select {
		case <-b.ctx.Done():
			return b.ctx.Err()
		case <-time.After(roomPoll):
		}
	}
	b.bytes = 0
	b.measure()
	return nil
}

// measure says how large the next batch is: small beside tenants that search, who wait for it to be over.
func (b *bulk) measure() {
	b.full = batchDocuments
	if b.neighbours.OthersSearch(b.tenant) {
		b.full = besideDocuments
	}
}

// acceptSome accepts the batch, or as much of its beginning as the queue has room for. fault.RateLimited means
// that not everything went in.
func (b *bulk) acceptSome(opts store.AcceptOptions) (accepted int, err error) {
	all := len(b.batch)
	if err = b.accept(all, opts); err == nil {
		return all, nil
	}
	if !refused(err) {
		return 0, err
	}
	q, unknown := b.st.Queue(b.ctx)
	if unknown != nil {
		return 0, unknown
	}
	sizes := make([]int64, len(b.batch))
	for i, doc := range b.batch {
		sizes[i] = doc.Weight()
	}
	if fits := q.Room(sizes); fits > 0 && fits < len(b.batch) {
		if partly := b.accept(fits, opts); partly == nil || !refused(partly) {
			return fits, partly
		}
	}
	return 0, err
}

// accept takes the first n documents of the batch in.
func (b *bulk) accept(n int, opts store.AcceptOptions) error {
	started := time.Now()
	if _, err := b.st.AcceptDocuments(b.ctx, b.c, b.batch[:n], opts); err != nil {
		return err
	}
	if opts.Bulk {
		b.neighbours.MakeWay(b.ctx, b.tenant, time.Since(started))
	}
	b.view.Accepted += n
	b.batch, b.indexes = b.batch[n:], b.indexes[n:]
	return nil
}

// rejectRest reports the batch as turned away.
func (b *bulk) rejectRest(err error) {
	for i, doc := range b.batch {
		b.reject(b.indexes[i], doc.ID, err)
	}
	b.away += len(b.batch)
	b.refusal, b.patience = err, 0
	b.batch, b.indexes = nil, nil
}
