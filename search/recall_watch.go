package search

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
)

// RecallKeeper is a tenant's storage as the watch over its indexes' recall needs it.
type RecallKeeper interface {
	SampledIndex
	// RecallState is fault.NotFound for a collection that is gone.
	RecallState(ctx context.Context, collection uuid.UUID) (store.RecallState, error)
	RecordRecall(ctx context.Context, collection uuid.UUID, m store.RecallMeasurement) error
	ForgetRecall(ctx context.Context, collection uuid.UUID) error
	// SetEfSearch says how wide the index is searched.
	SetEfSearch(ctx context.Context, collection uuid.UUID, ef int) error
}

// Cost of the watch: a collection is measured every ten minutes or so, with forty queries, each followed by a rest of
// four times what it took: of the database's time, the watch takes a fifth at most, for a minute at most.
const (
	watchEvery   = 10 * time.Minute
	watchJitter  = 4 * time.Minute // so that collections promoted together are not measured together for ever
	watchAgain   = 90 * time.Second
	watchQueries = 40
	watchTime    = time.Minute
	watchRest    = 4
)

// WatchRecall measures a collection's recall, keeps the figure and adapts how wide the index is searched to the tenant's
// objective. again says when to come back; zero means that there is nothing to watch any more.
func (s *Service) WatchRecall(ctx context.Context, keeper RecallKeeper, id tenant.ID, collection uuid.UUID) (again time.Duration, err error) {
	state, err := keeper.RecallState(ctx, collection)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if !state.Indexed {
		return 0, keeper.ForgetRecall(ctx, collection)
	}
	// Fresh: the width that is measured must be the one that is recorded.
	described, err := s.describe(ctx, keeper, id.UUID(), []string{state.Name}, true)
	if err != nil {
		return 0, err
	}
	again = watchEvery - watchJitter/2 + rand.N(watchJitter)
	queries, err := sampled(ctx, keeper, described[0], watchQueries)
	if fault.Is(err, fault.Conflict) { // all of it was deleted meanwhile
		return again, nil
	}
	if err != nil {
		return 0, err
	}
	m := measurement{service: s, index: keeper, tenant: id, collection: state.Name, topK: defaultTopK}
	measured, err := m.run(ctx, queries, watchTime, watchRest)
	if err != nil {
		return 0, err
	}
	err = keeper.RecordRecall(ctx, collection, store.RecallMeasurement{
		Recall: measured.Recall, Queries: measured.Queries, TopK: measured.TopK, ShortResults: measured.ShortResults, EfSearch: state.EfSearch,
		ExactP50: measured.ExactMS.P50, ExactP95: measured.ExactMS.P95, IndexP50: measured.IndexMS.P50, IndexP95: measured.IndexMS.P95,
	})
	if err != nil {
		return 0, err
	}
	ef := adaptedEfSearch(state, measured.Recall)
	if measured.Recall < state.Objective {
		s.cfg.Log.Warn("a collection's index finds less than its tenant is to have", "tenant", id.String(), "collection", collection.String(),
			"recall", measured.Recall, "objective", state.Objective, "ef_search", state.EfSearch, "ef_search_next", ef)
	}
	if ef < state.EfSearch {
		m.efSearch = ef
		tried, err := m.run(ctx, queries, watchTime, watchRest)
		if err != nil || tried.Recall < (state.Objective+1)/2 {
			return again, err
		}
	}
	if ef == state.EfSearch {
		return again, nil
	}
	return watchAgain, keeper.SetEfSearch(ctx, collection, ef)
}

// Bounds of how wide an index is searched.
const (
	minEfSearch = 20
	maxEfSearch = 1000
)

// comfort is how much of the way from the objective to 1 a measurement must have come for a narrower search to be tried.
// It is almost all: forty queries miss the true figure by more than half a percent now and then.
const comfort = 0.95

// farBelow is from how much below the objective on a search is widened by half at once.
const farBelow = 0.02

// adaptedEfSearch widens a search that misses the objective, by half when it is far below and else by a quarter, and
// narrows one that finds almost all by a fifth, but not to about a width that is known to miss it: it would go back and
// forth. The watch tries a narrower width by itself before anybody's search depends on it: forty queries
// say little, and half of the way from the objective to 1 is what they must come up to.
func adaptedEfSearch(s store.RecallState, recall float64) int {
	switch {
	case recall < s.Objective-farBelow:
		return min(s.EfSearch+s.EfSearch/2+1, maxEfSearch)
	case recall < s.Objective:
		return min(s.EfSearch+s.EfSearch/4+1, maxEfSearch)
	case recall >= s.Objective+comfort*(1-s.Objective):
		if narrower := max(s.EfSearch*4/5, minEfSearch); narrower < s.EfSearch && narrower > s.Insufficient+s.Insufficient/8 {
			return narrower
		}
	}
	return s.EfSearch
}
