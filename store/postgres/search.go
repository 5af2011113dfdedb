package postgres

import (
	"context"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"lindero/search"
)

// snapshot is one REPEATABLE READ transaction of the tenant's, open between the two batches of a search.
type snapshot struct {
	handle     *Handle
	conn       *pgxpool.Conn     // nil once it is finished
	slots      map[uuid.UUID]int // where the plan believes the collections' vectors to be
	retrieved  []search.Retrieved
	complete   []bool                         // a leg that asked an index has found all there is, however few
	lexical    []*lexicalLeg                  // by target; nil: none
	passages   map[search.Key]*search.Passage // already read by the first batch
	roundTrips int
}

// Retrieve implements search.Index. Begin, binding, the collections' rows and all legs share one round trip; a
// plan with Passages ends the transaction in it as well. Two statements of one implicit transaction could see
// different data, hence the isolation level.
func (h *Handle) Retrieve(ctx context.Context, plan search.Plan) (search.Snapshot, error) {
	if h.id.IsZero() {
		return nil, errNoTenant
	}
	spent := 0
	if plan.Passages && len(plan.Targets[0].Terms) > 0 {
		s, n, err := h.retrieveRanked(ctx, plan)
		if s != nil || err != nil {
			return s, err
		}
		spent, plan.Passages = n, false
	}
	s, err := h.retrieve(ctx, plan)
	if err != nil {
		return nil, err
	}
	s.roundTrips += spent
	if !s.scanShortLegs(&plan) {
		return s, nil
	}
	// An index may overlook chunks. A leg that came back short is answered by a scan, in a snapshot of its own.
	shortSearches.Inc()
	s.Close()
	again, err := h.retrieve(ctx, plan)
	if err != nil {
		return nil, err
	}
	again.roundTrips += s.roundTrips
	return again, nil
}

// scanShortLegs has the plan scan exactly where an index has found fewer candidates than were asked for, and reports
// whether there is such a leg.
func (s *snapshot) scanShortLegs(plan *search.Plan) (short bool) {
	for i, target := range plan.Targets {
		if asksIndex(target) && !s.retrieved[i].Stale && !s.complete[i] && s.fromIndex(i) < fromIndex(target, *plan) {
			if !short {
				plan.Targets = slices.Clone(plan.Targets) // the caller's stay as they are
			}
			plan.Targets[i].Exact, short = true, true
		}
	}
	return short
}

// retrieve is one try at Retrieve. The snapshot is nil only with an error.
func (h *Handle) retrieve(ctx context.Context, plan search.Plan) (*snapshot, error) {
	conn, err := h.store.searches.Acquire(ctx)
	if err != nil {
		return nil, translate(err)
	}
	s := &snapshot{handle: h, conn: conn, slots: map[uuid.UUID]int{}, roundTrips: 1, lexical: make([]*lexicalLeg, len(plan.Targets)),
		retrieved: make([]search.Retrieved, len(plan.Targets)), complete: make([]bool, len(plan.Targets))}
	batch := &pgx.Batch{}
	if !plan.Passages { // one statement sees one snapshot anyway, and the batch is its transaction
		batch.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	}
	batch.Queue(bindSearch, h.id.String(), strconv.Itoa(efSearch(plan)))
	s.queueLegs(batch, plan)
	send := func(batch *pgx.Batch) error { return conn.SendBatch(ctx, batch).Close() }
	err = send(batch)
	if err == nil {
		err = s.rankLegs(send, plan)
	}
	if err != nil {
		s.Close()
		return nil, translate(err)
	}
	if plan.Passages {
		s.finish()
	}
	for i := range s.retrieved {
		if s.retrieved[i].Stale {
			s.retrieved[i] = search.Retrieved{Stale: true}
		}
	}
	return s, nil
}

// queueLegs asks for what all legs of all targets need, and whether the targets are still as the plan believes.
func (s *snapshot) queueLegs(batch *pgx.Batch, plan search.Plan) {
	for i, target := range plan.Targets {
		s.slots[target.Collection.ID] = target.Collection.Slot
		s.retrieved[i].Stale = true
	}
	for i, target := range plan.Targets {
		if len(target.Terms) > 0 {
			s.lexical[i] = s.handle.newLexicalLeg(target, fromWords(target, plan), plan.Count)
		}
		switch {
		case compares(target, plan) && !s.rankAhead(i), target.Vector == nil:
			s.queueVerdict(batch, i, target)
		default:
			s.queueVectorLeg(batch, plan, i)
		}
		if s.lexical[i] != nil {
			s.lexical[i].queue(batch, plan)
		}
	}
}

// Retrieved implements search.Snapshot.
func (s *snapshot) Retrieved() []search.Retrieved { return s.retrieved }

// RoundTrips implements search.Snapshot.
func (s *snapshot) RoundTrips() int { return s.roundTrips }

// Close implements search.Snapshot. A transaction is still open here only after an error or when the search is to be
// repeated; a connection that cannot even roll back is closed, and the pool replaces it.
func (s *snapshot) Close() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), retryAfterOutage)
	defer cancel()
	if _, err := s.conn.Exec(ctx, "ROLLBACK"); err != nil {
		_ = s.conn.Conn().Close(ctx)
	}
	s.finish()
}

func (s *snapshot) finish() {
	s.conn.Release()
	s.conn = nil
}
