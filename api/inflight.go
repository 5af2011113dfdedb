package api

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/semaphore"

	"lindero/fault"
)

// The sizes of bodies that count in one budget or the other, in bytes. What is small never waits for what is large.
const (
	smallBody   = 1 << 20  // up to here a body is small
	smallMemory = 64 << 20 // of all small bodies together
	streamShare = 16 << 20 // what a stream holds: a batch that is being accepted, and the next document
	streams     = 4        // served at once; others wait their turn
	largePiece  = streamShare / 2
)

// bodyPatience is how long a request waits for memory, bodyRetry when it should come back if there was none.
const (
	bodyPatience = 20 * time.Second
	bodyRetry    = 5 * time.Second
)

var errBodyMemory = errors.New("the memory for request bodies is in use")

// bodyMemory bounds what the bodies of all requests take together. A body that is stored stands in memory three to
// four times: as it came, encoded for the database, and in the message to it. A request holds at most one piece of
// each kind and takes them in the order of the fields, so that requests never wait for each other in a circle.
type bodyMemory struct {
	small, stream, large *semaphore.Weighted
	largest              int64
	patience             time.Duration
}

func newBodyMemory(bytes int64) *bodyMemory {
	return &bodyMemory{
		small:    semaphore.NewWeighted(smallMemory),
		stream:   semaphore.NewWeighted(streams),
		large:    semaphore.NewWeighted(bytes),
		largest:  bytes,
		patience: bodyPatience,
	}
}

// reserve takes memory for a whole body of at most size bytes until the request lets it go.
func (m *bodyMemory) reserve(ex *exchange, size int64) error {
	if size <= smallBody {
		return m.take(ex, m.small, size)
	}
	return m.take(ex, m.large, min(size, m.largest))
}

// reserveStream takes a stream's share.
func (m *bodyMemory) reserveStream(ex *exchange) error { return m.take(ex, m.stream, 1) }

func (m *bodyMemory) take(ex *exchange, from *semaphore.Weighted, n int64) error {
	ctx, cancel := context.WithTimeout(ex.request.Context(), m.patience)
	defer cancel()
	if err := from.Acquire(ctx, n); err != nil {
		busy := fault.Wrap(errBodyMemory, fault.Unavailable, "too many large requests are being received at once; try again")
		busy.RetryAfter = bodyRetry
		return busy
	}
	ex.held = append(ex.held, func() { from.Release(n) })
	return nil
}

// releaseBody lets go of the memory that was reserved for the request's body, which must not be used any more.
func (ex *exchange) releaseBody() {
	for _, release := range ex.held {
		release()
	}
	ex.held = nil
}

// releaseLast lets go of what was reserved last.
func (ex *exchange) releaseLast() {
	last := len(ex.held) - 1
	ex.held[last]()
	ex.held = ex.held[:last]
}
