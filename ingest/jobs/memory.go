package jobs

import (
	"context"

	"golang.org/x/sync/semaphore"

	"lindero/store"
)

// What batches in hand take together, from their preparation to the end of their publication. A document's text
// stands as passages, terms, vectors and postings at the same time, which is some sixteen times its size; batches
// of fewer bytes than smallWork, which most are, wait for nobody.
const (
	workMemory   = 128 << 20
	memoryFactor = 16
	smallWork    = 2 << 20
)

// memory is shared by all turns of a process.
type memory struct{ free *semaphore.Weighted }

func newMemory() *memory { return &memory{semaphore.NewWeighted(workMemory)} }

// acquire waits until there is memory for a batch of items, and gives what lets go of it. A batch that is expected to
// take more than there is comes alone. The error is ctx's.
func (m *memory) acquire(ctx context.Context, items []store.WorkItem) (release func(), err error) {
	var bytes int64
	for _, item := range items {
		bytes += int64(len(item.Payload.Body))
		for _, part := range item.Payload.Parts {
			bytes += int64(len(part.Text))
		}
	}
	if bytes < smallWork {
		return func() {}, nil
	}
	bytes = min(bytes*memoryFactor, workMemory)
	if err := m.free.Acquire(ctx, bytes); err != nil {
		return nil, err
	}
	return func() { m.free.Release(bytes) }, nil
}
