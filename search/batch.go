package search

import (
	"context"

	"golang.org/x/sync/errgroup"

	"lindero/fault"
	"lindero/tenant"
)

// maxBatch is how many searches one request may hold.
const maxBatch = 100

// batchParallel is how many of them run at once, so that one caller does not take the whole pool.
const batchParallel = 4

// Outcome is one search of a batch: a response, or what was wrong with it.
type Outcome struct {
	Response Response
	Err      error
}

// SearchBatch answers several requests of one tenant, each by itself: one that fails spoils no other.
func (s *Service) SearchBatch(ctx context.Context, index Index, id tenant.ID, requests []Request) ([]Outcome, error) {
	if len(requests) == 0 || len(requests) > maxBatch {
		return nil, fault.InvalidField("body.searches", len(requests), "must hold 1 to %d searches", maxBatch)
	}
	outcomes := make([]Outcome, len(requests))
	var group errgroup.Group
	group.SetLimit(batchParallel)
	for i := range requests {
		group.Go(func() error {
			outcomes[i].Response, outcomes[i].Err = s.Search(ctx, index, id, requests[i])
			return nil
		})
	}
	return outcomes, group.Wait()
}
