package pinecone

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"lindero/search"
	"lindero/store"
	"lindero/tenant"
)

// Index answers one tenant's searches: the vector legs of collections on Pinecone are proposed by the tenant's
// namespace, and everything else is the database's. It implements search.Index.
type Index struct {
	search.Index // the database, bound to the same tenant
	backend      *Backend
	id           tenant.ID
}

// ForTenant puts the tenant's namespace before its database.
func (b *Backend) ForTenant(id tenant.ID, record search.Index) *Index {
	return &Index{Index: record, backend: b, id: id}
}

const (
	// spare is how many more candidates are asked for than wanted: some may be gone from the record.
	spare = 12
	// growth is how many times more are asked for when too many of them were of no use.
	growth = 8
	// maxTopK is Pinecone's limit.
	maxTopK = 10_000
)

// proposal is what the namespace said for one target.
type proposal struct {
	target    int
	requested int // 0: nobody is asked, the database scans
	ordinals  []int64
	radius    float64            // the score of the last: whatever was not proposed is no nearer
	foreign   []search.Candidate // claimed to be another tenant's
	asked     time.Time
	complete  bool // as many came as were asked for
	err       error
}

// Retrieve implements search.Index. Pinecone is asked first and the database after it, so that what the database's
// snapshot says of the outbox covers everything that Pinecone cannot have known. An answer with fewer matches than
// asked for is either all there is, which the database scans as fast, or cut short: the record decides. When too
// many proposals turn out to be gone or filtered away, more are asked for, and at last the record is scanned.
func (x *Index) Retrieve(ctx context.Context, plan search.Plan) (search.Snapshot, error) {
	proposals := x.outside(plan)
	if len(proposals) == 0 {
		return x.Index.Retrieve(ctx, plan)
	}
	for {
		x.askAll(ctx, plan, proposals)
		found, err := x.Index.Retrieve(ctx, proposed(plan, proposals))
		if err != nil {
			return nil, err
		}
		if !more(plan, proposals, found.Retrieved()) {
			return newSnapshot(found, proposals), nil
		}
		found.Close()
	}
}

// outside lists the targets that Pinecone is to be asked for.
func (x *Index) outside(plan search.Plan) []*proposal {
	var proposals []*proposal
	for i, target := range plan.Targets {
		if target.Vector == nil || target.Exact || target.Collection.Backend != store.Pinecone {
			continue
		}
		requested := target.Limit + target.Limit/4 + spare
		if plan.Filter != nil {
			requested *= 2
		}
		proposals = append(proposals, &proposal{target: i, requested: min(requested, maxTopK)})
	}
	return proposals
}

// askAll asks for all targets at once.
func (x *Index) askAll(ctx context.Context, plan search.Plan, proposals []*proposal) {
	var all sync.WaitGroup
	for _, p := range proposals[1:] {
		all.Go(func() { x.ask(ctx, plan, p) })
	}
	x.ask(ctx, plan, proposals[0])
	all.Wait()
}

func (x *Index) ask(ctx context.Context, plan search.Plan, p *proposal) {
	if p.requested == 0 {
		return
	}
	target := plan.Targets[p.target]
	p.asked, p.ordinals, p.foreign, p.err = time.Now(), nil, nil, nil
	condition, err := narrow(target.Collection.ID, plan.Filter)
	if err != nil {
		p.err = err
		return
	}
	s, err := x.backend.space(ctx, x.id, len(target.Vector), false)
	if errors.Is(err, errNoIndex) || errors.Is(err, errNotReady) { // nothing can have been sent: the record knows it all
		p.complete = false
		return
	}
	if err != nil {
		p.err = err
		return
	}
	ids, radius, err := s.query(ctx, target.Vector, p.requested, condition)
	p.radius, p.err = radius, err
	p.take(x.id.UUID(), target.Collection.ID, ids)
}

// take sorts out what came back. Nothing in it is believed but that it might be worth a look.
func (p *proposal) take(tenant, collection uuid.UUID, ids []string) {
	seen := make(map[int64]bool, len(ids))
	for _, id := range ids {
		key, ok := parseID(id)
		switch {
		case !ok:
			discarded.WithLabelValues("garbled").Inc()
		case key.tenant != tenant:
			p.foreign = append(p.foreign, search.Candidate{Tenant: key.tenant, Ordinal: key.ordinal})
		case key.collection != collection:
			discarded.WithLabelValues("other_collection").Inc()
		case seen[key.ordinal]:
			discarded.WithLabelValues("repeated").Inc()
		case len(p.ordinals) == p.requested:
			discarded.WithLabelValues("surplus").Inc()
		default:
			seen[key.ordinal] = true
			p.ordinals = append(p.ordinals, key.ordinal)
		}
	}
	p.complete = len(p.ordinals) == p.requested
}

// proposed is the plan for the database: with what was proposed, with a scan where that was not enough, or without
// the leg where Pinecone could not be asked.
func proposed(plan search.Plan, proposals []*proposal) search.Plan {
	plan.Targets = slices.Clone(plan.Targets)
	for _, p := range proposals {
		target := &plan.Targets[p.target]
		switch {
		case p.err != nil:
			target.Vector = nil
			plan.Passages = false // without the leg there is nothing to read them for
		case p.requested == 0 || !p.complete:
			target.Exact = true
		default:
			target.Proposed = &search.Proposal{Ordinals: p.ordinals, Asked: p.asked}
		}
	}
	return plan
}

// radiusError is what rounding to half floats may cost a score.
const radiusError = 1e-3

// covers reports whether nothing that was not proposed can belong among the found: there are as many as wanted, and
// the last is no farther than what was proposed. With fewer, or with a last one that only the database knew of,
// something in between may be missing.
func (p *proposal) covers(found []search.Candidate, limit int) bool {
	if len(found) < limit {
		return false
	}
	last := found[limit-1]
	return last.Score >= p.radius-radiusError || slices.Contains(p.ordinals, last.Ordinal)
}

// more prepares another round for targets whose proposals did not yield what was wanted.
func more(plan search.Plan, proposals []*proposal, found []search.Retrieved) (again bool) {
	for _, p := range proposals {
		if p.covers(found[p.target].Vector, plan.Targets[p.target].Limit) || p.err != nil || !p.complete || p.requested == 0 || found[p.target].Stale {
			continue
		}
		again = true
		if p.requested == maxTopK {
			p.requested = 0
		}
		p.requested = min(p.requested*growth, maxTopK)
	}
	return again
}

// snapshot adds to the database's what Pinecone claimed to be others', for the search to drop and count.
type snapshot struct {
	search.Snapshot
	retrieved []search.Retrieved
}

func newSnapshot(found search.Snapshot, proposals []*proposal) *snapshot {
	s := &snapshot{Snapshot: found, retrieved: slices.Clone(found.Retrieved())}
	for _, p := range proposals {
		r := &s.retrieved[p.target]
		if p.err != nil {
			r.Unavailable = p.err
		}
		if len(p.foreign) > 0 {
			r.Vector = slices.Concat(p.foreign, r.Vector)
		}
	}
	return s
}

// Retrieved implements search.Snapshot.
func (s *snapshot) Retrieved() []search.Retrieved { return s.retrieved }
