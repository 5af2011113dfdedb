package jobs

import (
	"context"
	"slices"
	"time"

	"lindero/store"
)

const (
	// gatherFrom is from how many due documents on a turn waits for more of the stream that is bringing them. Fewer
	// are a small request, whose end is near.
	gatherFrom = 256
	// gatherTime is how long it waits at most, and gatherPoll how often it looks.
	gatherTime = time.Second
	gatherPoll = 25 * time.Millisecond
)

// gather waits while a stream is bringing documents and there are not yet enough for a full batch. A batch becomes one
// lexical segment, which costs by its distinct terms: 2,000 documents in one take a third of what they take in four.
// Nobody waits for a turn that gathers: it ends as soon as another tenant or a more urgent job could have the worker.
func (t *turn) gather(ctx context.Context, classes []store.Class) {
	if !slices.Contains(classes, store.Bulk) {
		return
	}
	tick := time.NewTicker(gatherPoll)
	defer tick.Stop()
	for until := time.Now().Add(gatherTime); time.Now().Before(until); {
		more, err := t.handle.Gathers(ctx, gatherFrom, t.jobs.cfg.Batch)
		if err != nil || !more { // an outage is reported by what follows
			return
		}
		if waiting, err := t.betterWaits(ctx); err != nil || waiting {
			return
		}
		select {
		case <-tick.C:
		case <-t.jobs.stopping:
			return
		case <-ctx.Done():
			return
		}
	}
}
