package search

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"lindero/search/lexical/analysis"
	"lindero/store"
)

// run is one attempt at answering one request.
type run struct {
	service  *Service
	index    Index
	tenant   uuid.UUID
	q        *question
	warnings []Warning
	usage    Usage
	explain  Explain

	targets  []Target
	snapshot Snapshot
}

// candidateFactor is how many candidates a leg brings for each result wanted: fusing and grouping need more.
const candidateFactor = 4

// minCandidates is what each leg of a fused search brings at least.
const minCandidates = 100

// What a comparison asks for, and up to how many results it does so: those of the first two pages are of one ranking.
const (
	comparedResults = 20
	comparedNearest = 40
	comparedWords   = 256
	comparedBest    = 20
)

// answer describes, retrieves, ranks and hydrates. When grouping used up the candidates before there were
// enough documents, it goes on with more of them.
func (r *run) answer(ctx context.Context, fresh bool) (Response, error) {
	collections, err := r.service.describe(ctx, r.index, r.tenant, r.q.collections, fresh)
	if err != nil {
		return Response{}, err
	}
	if err := r.plan(ctx, collections); err != nil {
		return Response{}, err
	}
	limit := r.q.wanted()
	if r.fused() || r.q.byDocument {
		limit = max(minCandidates, candidateFactor*limit)
	}
	for {
		hits, exhausted, err := r.admitted(ctx, limit)
		if err != nil {
			return Response{}, err
		}
		if len(hits) >= r.q.wanted() || exhausted || !r.q.byDocument {
			return r.respond(r.diversify(hits)), nil
		}
		limit *= candidateFactor
	}
}

// admitted is attempt, when it is the tenant's turn. What asks an index outside the database mostly waits for the
// network, and takes no place among what the database is busy with.
func (r *run) admitted(ctx context.Context, limit int) (hits []hit, exhausted bool, err error) {
	elsewhere := func(t Target) bool { return t.Vector != nil && t.Collection.Backend == store.Pinecone }
	if !slices.ContainsFunc(r.targets, elsewhere) {
		leave, err := r.service.gate.Enter(ctx, r.tenant)
		if err != nil {
			return nil, false, err
		}
		defer leave()
	}
	return r.attempt(ctx, limit)
}

// attempt runs the legs with a number of candidates each. exhausted means that more would find nothing new.
func (r *run) attempt(ctx context.Context, limit int) (hits []hit, exhausted bool, err error) {
	plan := Plan{Targets: r.targets, Filter: r.q.filter, Vectors: r.q.vectors(), Count: r.q.explain}
	plan.Passages = r.readsAtOnce()
	for i := range plan.Targets {
		plan.Targets[i].Limit, plan.Targets[i].Comparison = limit, r.comparison()
	}
	started := time.Now()
	r.snapshot, err = r.index.Retrieve(ctx, plan)
	if err != nil {
		return nil, false, err
	}
	defer r.snapshot.Close()
	r.explain.RetrieveMS += milliseconds(started)
	if r.outdated() {
		return nil, false, errOutdated
	}
	if r.degrade() {
		r.snapshot.Close()
		return r.attempt(ctx, limit)
	}
	started = time.Now()
	hits, exhausted = r.rank(limit)
	r.explain.RankMS += milliseconds(started)
	started = time.Now()
	hits, err = r.hydrate(ctx, hits)
	r.explain.HydrateMS += milliseconds(started)
	r.explain.RoundTrips = r.snapshot.RoundTrips()
	return hits, exhausted, err
}

// comparison is how the legs of a search for few results are matched. Its fused results are nearer to those of complete
// rankings than with minCandidates of each leg, at two thirds of the cost to the database (docs/decisions/0013).
func (r *run) comparison() *Comparison {
	if len(r.targets) != 1 || !r.fused() || r.q.byDocument || r.q.wanted() > comparedResults {
		return nil
	}
	return &Comparison{Nearest: comparedNearest, Words: comparedWords, Best: comparedBest}
}

// readsAtOnce reports whether the passages of all candidates can be read with them.
func (r *run) readsAtOnce() bool {
	if len(r.targets) != 1 || r.fused() {
		return false
	}
	return r.hasVectors() || (r.hasTerms() && r.q.filter == nil && !r.q.vectors())
}

// plan decides which legs each collection gets.
func (r *run) plan(ctx context.Context, collections []store.Collection) error {
	started := time.Now()
	for _, c := range collections {
		if r.q.efSearch > 0 {
			c.EfSearch = r.q.efSearch
		}
		target := Target{Collection: c, Exact: r.q.exact}
		if r.q.mode != Lexical {
			vector, err := r.vectorFor(ctx, c)
			if err != nil {
				return err
			}
			target.Vector = vector
		}
		if r.q.mode != Semantic && r.q.query != "" {
			target.Terms = analysis.QueryTerms(languagesOf(c), r.q.query)
		}
		r.targets = append(r.targets, target)
	}
	r.explain.EmbedMS = milliseconds(started)
	return nil
}

// languagesOf are the languages that a query is analysed in. A collection that had no documents when it was
// described gets a leg all the same, for the snapshot to tell whether it has some now.
func languagesOf(c store.Collection) []string {
	switch {
	case c.Language != store.LanguageAuto:
		return []string{c.Language}
	case len(c.Languages) == 0:
		return []string{""}
	}
	return c.Languages
}

// fused reports whether the results of more than one leg are joined by rank.
func (r *run) fused() bool { return r.hasVectors() && r.hasTerms() }

func (r *run) hasVectors() bool {
	return slices.ContainsFunc(r.targets, func(t Target) bool { return t.Vector != nil })
}

func (r *run) hasTerms() bool {
	return slices.ContainsFunc(r.targets, func(t Target) bool { return len(t.Terms) > 0 })
}

// outdated reports whether the plan was made for collections that are not like that any more. A collection
// without a lexical leg has no say in languages.
func (r *run) outdated() bool {
	for i, found := range r.snapshot.Retrieved() {
		target := r.targets[i]
		if found.Stale {
			return true
		}
		if target.Collection.Language == store.LanguageAuto && found.Lexical != nil &&
			!slices.Equal(found.Languages, target.Collection.Languages) {
			return true
		}
	}
	return false
}
