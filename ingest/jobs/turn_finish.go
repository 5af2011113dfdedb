package jobs

import (
	"context"
	"errors"
	"time"

	"lindero/fault"
	"lindero/ingest"
	"lindero/store"
)

const (
	// maxTries is how often a document is tried before it is set aside.
	maxTries = 8
	// maxPoisonTries is the same for one that breaks the pipeline rather than meeting an outage.
	maxPoisonTries = 3
)

// finish publishes what was prepared, sets aside what failed and puts off what may succeed later.
func (t *turn) finish(ctx context.Context, b *batch) error {
	if b.work.Deleted {
		return t.handle.DropWork(ctx, b.work.Collection.ID, b.work.Items)
	}
	var ready []store.Prepared
	var failed []failedItem
	for i, outcome := range b.outcomes {
		item := b.work.Items[i]
		if outcome.Err != nil {
			failed = append(failed, failedItem{item, outcome.Err})
			continue
		}
		ready = append(ready, outcome.Prepared)
	}
	unpublished, err := t.publish(ctx, b.work.Collection, ready)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // interrupted, which is no document's fault
		return err
	}
	return t.settle(ctx, b.work.Collection, append(failed, unpublished...))
}

type failedItem struct {
	item store.WorkItem
	err  error
}

// publish makes documents visible. A batch that the database refuses is halved until the document that it
// will not take is alone; that one is returned.
func (t *turn) publish(ctx context.Context, c store.Collection, docs []store.Prepared) ([]failedItem, error) {
	if len(docs) == 0 {
		return nil, nil
	}
	began := time.Now()
	result, err := t.handle.Publish(ctx, c, docs)
	switch {
	case err == nil:
		t.count(docs, result, time.Since(began))
		return nil, nil
	case fault.Is(err, fault.Unavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return nil, err
	case len(docs) == 1:
		return []failedItem{{docs[0].Item, err}}, nil
	}
	first, err := t.publish(ctx, c, docs[:len(docs)/2])
	if err != nil {
		return nil, err
	}
	second, err := t.publish(ctx, c, docs[len(docs)/2:])
	return append(first, second...), err
}

func (t *turn) count(docs []store.Prepared, result store.Published, took time.Duration) {
	documentsDone.WithLabelValues(t.tenant, "indexed").Add(float64(result.Documents))
	documentsDone.WithLabelValues(t.tenant, "outdated").Add(float64(result.Outdated))
	chunksDone.WithLabelValues(t.tenant).Add(float64(result.Chunks))
	published.Observe(took.Seconds())
	for _, doc := range docs {
		waited.Observe(time.Since(doc.Item.Due).Seconds())
	}
}

// settle sets failed items aside, or puts them off as long as trying again makes sense.
func (t *turn) settle(ctx context.Context, c store.Collection, failed []failedItem) error {
	var aside []store.Failure
	later := map[time.Duration][]store.WorkItem{}
	for _, f := range failed {
		if worthAnotherTry(f) {
			wait := max(backoff(f.item.Attempts), pause(f.err))
			later[wait] = append(later[wait], f.item)
			continue
		}
		t.log.InfoContext(ctx, "a document could not be indexed", "document_key", f.item.Key, "error", f.err)
		aside = append(aside, store.Failure{Item: f.item, Code: string(fault.CodeOf(f.err)), Detail: detail(f.err)})
	}
	for wait, items := range later {
		if err := t.handle.RetryWork(ctx, c.ID, items, wait); err != nil {
			return err
		}
		documentsDone.WithLabelValues(t.tenant, "retried").Add(float64(len(items)))
	}
	if len(aside) == 0 {
		return nil
	}
	documentsDone.WithLabelValues(t.tenant, "failed").Add(float64(len(aside)))
	return t.handle.FailWork(ctx, c.ID, aside)
}

func worthAnotherTry(f failedItem) bool {
	if !ingest.Transient(f.err) {
		return false
	}
	tries := maxTries
	if fault.Is(f.err, fault.Internal) {
		tries = maxPoisonTries
	}
	return f.item.Attempts+1 < tries
}

// detail is what the caller may read about a failure.
func detail(err error) string {
	var known *fault.Error
	if errors.As(err, &known) {
		return known.Detail
	}
	return "the document could not be processed"
}
