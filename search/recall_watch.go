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
	// SetEfSearch says how wide the index is searched that was there when the state was read: fault.Conflict when there is
	// another now, or it has grown by much.
	SetEfSearch(ctx context.Context, was store.RecallState, ef int) error
}

// Cost of the watch: a width is found with up to two hundred queries, each followed by a rest as long as it took, so in half
// of a processor's time for some seconds after the index was built with all of it. Then it is looked at every ten minutes or
// so with forty, and rests of four times what each took. Exact scans, most of the cost, are begun for half a minute at most.
const (
	watchEvery   = 10 * time.Minute
	watchJitter  = 4 * time.Minute // so that collections promoted together are not measured together for ever
	watchAgain   = 5 * time.Second // when it has changed meanwhile
	thorough     = 200
	thoroughRest = 1
	glance       = 40
	glanceRest   = 4
	watchTime    = 30 * time.Second
)

// WatchRecall measures a collection's recall, keeps the figure and fits how wide the index is searched to the tenant's
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
	again = watchEvery - watchJitter/2 + rand.N(watchJitter)
	err = s.measureAndFit(ctx, keeper, id, state)
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) {
		return watchAgain, nil
	}
	return again, err
}

// measureAndFit is fault.Conflict for a collection whose index has changed meanwhile, fault.NotFound for one that was
// deleted. An empty one is left alone.
func (s *Service) measureAndFit(ctx context.Context, keeper RecallKeeper, id tenant.ID, state store.RecallState) error {
	// Fresh: the width that is measured must be the one that is recorded.
	if _, err := s.describe(ctx, keeper, id.UUID(), []string{state.Name}, true); err != nil {
		return err
	}
	m := measurement{service: s, index: keeper, tenant: id, collection: state.Name, topK: defaultTopK, rest: glanceRest}
	var measured Recall
	var probes []probe
	var err error
	if state.Fitted {
		measured, _, err = m.look(ctx, keeper, state, glance)
	}
	if err == nil && (!state.Fitted || measured.Recall < state.Objective) { // forty queries may have been unlucky
		m.rest = thoroughRest
		measured, probes, err = m.look(ctx, keeper, state, thorough)
	}
	if err != nil || measured.Queries == 0 {
		return err
	}
	f := fitting{state: state, ask: func(width int) (Recall, error) { return m.over(ctx, probes, width) }}
	width, fitted, err := f.fit(measured)
	if err != nil {
		return err
	}
	if measured.Recall < state.Objective {
		s.cfg.Log.Warn("a collection's index finds less than its tenant is to have", "tenant", id.String(), "collection", state.Collection.String(),
			"recall", measured.Recall, "objective", state.Objective, "ef_search", state.EfSearch, "ef_search_next", width, "recall_next", fitted.Recall)
	}
	if width != state.EfSearch || !state.Fitted {
		if err := keeper.SetEfSearch(ctx, state, width); err != nil {
			return err
		}
		// This process's searches follow at once, others' within a minute.
		if _, err := s.describe(ctx, keeper, id.UUID(), []string{state.Name}, true); err != nil {
			return err
		}
	}
	return keeper.RecordRecall(ctx, state.Collection, store.RecallMeasurement{
		Recall: fitted.Recall, Queries: fitted.Queries, TopK: fitted.TopK, ShortResults: fitted.ShortResults, EfSearch: width,
		ExactP50: measured.ExactMS.P50, ExactP95: measured.ExactMS.P95, IndexP50: fitted.IndexMS.P50, IndexP95: fitted.IndexMS.P95,
	})
}

// look measures the recall with up to n queries of stored vectors: none when there are none.
func (m measurement) look(ctx context.Context, keeper RecallKeeper, state store.RecallState, n int) (Recall, []probe, error) {
	queries, err := m.sampled(ctx, keeper, state.Collection, n)
	if err != nil || len(queries) == 0 {
		return Recall{}, nil, err
	}
	return m.run(ctx, queries, watchTime)
}
