package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lindero/search"
)

// maxEfSearch is pgvector's own bound.
const maxEfSearch = 1000

// queueVectorLeg ranks the collection's vectors by cosine distance. Slot, tenant and collection are explicit
// predicates (wall 3) beside row-level security (wall 2).
func (s *snapshot) queueVectorLeg(batch *pgx.Batch, plan search.Plan, i int) {
	target := plan.Targets[i]
	args := &arguments{}
	tenant, collection := args.add(s.handle.id.UUID()), args.add(target.Collection.ID)
	var nearest string
	switch {
	case !asksIndex(target):
		nearest = s.scanned(args, tenant, collection, target, plan)
	case plan.Filter == nil:
		nearest = s.indexed(args, tenant, collection, target, fromIndex(target, plan))
	default:
		nearest = s.indexedFiltered(args, tenant, collection, target, plan)
	}
	if plan.Passages {
		s.queueNearestPassages(batch, nearest, args, tenant, collection, plan, i)
		return
	}
	if compares(target, plan) {
		s.queueComparison(batch, nearest, args, tenant, collection, i, target)
		return
	}
	statement := fmt.Sprintf(`SELECT v.version, v.stands, n.* FROM (SELECT %s OFFSET 0) v LEFT JOIN (%s) n (tenant_id, ordinal, distance) ON true`,
		s.verdictOn(args, tenant, collection, i), nearest)
	batch.Queue(statement, args.values...).Query(func(rows pgx.Rows) error { return s.readCandidates(rows, i, target) })
}

// readCandidates reads a verdict with the candidates of a vector leg; it stands alone when there are none.
func (s *snapshot) readCandidates(rows pgx.Rows, i int, target search.Target) error {
	return s.eachCandidate(rows, i, target, func(c search.Candidate, distance float64) { s.addCandidate(i, c, distance) })
}

// eachCandidate notes the verdict and calls each for every candidate beside it, when the columns after these, into which more
// points, are read too.
func (s *snapshot) eachCandidate(rows pgx.Rows, i int, target search.Target, each func(search.Candidate, float64), more ...any) error {
	var v verdict
	var tenant pgtype.UUID
	var ordinal pgtype.Int8
	var distance pgtype.Float8
	_, err := pgx.ForEachRow(rows, append([]any{&v.version, &v.stands, &tenant, &ordinal, &distance}, more...), func() error {
		s.take(v, i, target)
		if ordinal.Valid {
			each(search.Candidate{Tenant: tenant.Bytes, Ordinal: ordinal.Int64}, distance.Float64)
		}
		return nil
	})
	return err
}

// scanFactor is from which share of the collection on (one in so many) a scan finds the candidates as fast as the index.
const scanFactor = 4

// asksIndex reports whether the target's vector leg goes to an approximate index.
func asksIndex(target search.Target) bool {
	return target.Vector != nil && target.Proposed == nil && target.Collection.Indexed() && !target.Exact && int64(target.Limit)*scanFactor <= target.Collection.Chunks
}

// scanned computes every distance: the whole truth, and for few chunks the fastest way to it. In a slot with an index
// it reads the heap all the same, because the index is on the vectors' cast. Of a collection for which an index outside
// the database made a proposal, it reads what was proposed.
func (s *snapshot) scanned(args *arguments, tenant, collection string, target search.Target, plan search.Plan) string {
	slot := args.add(target.Collection.Slot)
	source := fmt.Sprintf(`%s v WHERE v.slot = %s AND v.tenant_id = %s AND v.collection_id = %s`, leafOf(target), slot, tenant, collection)
	if target.Proposed != nil {
		source = proposedVectors(args, leafOf(target), slot, tenant, collection, target.Proposed) + proposedOf(args, tenant, collection, plan.Filter)
	} else {
		source += s.narrowed(args, tenant, collection, "v.ordinal", plan)
	}
	return fmt.Sprintf(`SELECT v.tenant_id, v.ordinal, v.embedding <=> %s AS distance FROM %s ORDER BY distance, v.ordinal LIMIT %s`,
		args.add(halfVector(target.Vector)), source, args.add(target.Limit))
}

// indexed asks the collection's own approximate index.
func (s *snapshot) indexed(args *arguments, tenant, collection string, target search.Target, limit int) string {
	distance := fmt.Sprintf("v.embedding::halfvec(%d) <=> %s", target.Collection.Embedding.Dimensions, args.add(halfVector(target.Vector)))
	return fmt.Sprintf(`SELECT v.tenant_id, v.ordinal, %s AS distance FROM %s v
		WHERE v.slot = %s AND v.tenant_id = %s AND v.collection_id = %s ORDER BY %s LIMIT %s`,
		distance, leafOf(target), args.add(target.Collection.Slot), tenant, collection, distance, args.add(limit))
}

// addCandidate notes what a vector leg found.
func (s *snapshot) addCandidate(i int, c search.Candidate, distance float64) {
	if c.Ordinal == completeMark {
		s.complete[i] = true
		return
	}
	c.Score = 1 - distance
	s.retrieved[i].Vector = append(s.retrieved[i].Vector, c)
}

// How much wider the index is searched under a filter, and how wide at least: what the scan finds when it goes on beyond
// its width is not quite in order, and what was measured were searches without one.
const (
	filteredFactor = 2
	leastFiltered  = 80
)

// leafOf names the partition that holds the target's vectors. A statement that names the partitioned table would have
// to be planned for each search, or lock every partition (docs/decisions/0009). Partitions are never dropped; whether
// the collection still lies in this one is checked in the search's own snapshot.
func leafOf(target search.Target) string { return slotLeaf(target.Collection.Slot) }

// efSearch is how wide approximate indexes are searched for a plan: as wide as the target that needs it most.
func efSearch(plan search.Plan) int {
	widest := 1
	for _, target := range plan.Targets {
		if !asksIndex(target) {
			continue
		}
		ef := targetEf(target)
		if plan.Filter != nil {
			ef = max(ef*filteredFactor, leastFiltered)
		}
		widest = max(widest, ef, fromIndex(target, plan))
	}
	return min(widest, maxEfSearch)
}

// targetEf is how wide recall needs the target's index searched.
func targetEf(target search.Target) int {
	if ef := target.Collection.EfSearch; ef > 0 {
		return ef
	}
	return defaultEfSearch(target.Collection.Chunks)
}

// narrowed is the plan's filter as a further condition on an ordinal, empty without one.
func (s *snapshot) narrowed(args *arguments, tenant, collection, ordinal string, plan search.Plan) string {
	if plan.Filter == nil {
		return ""
	}
	f := &filterSQL{args: args, tenant: tenant, collection: collection}
	return fmt.Sprintf(" AND (%s IN (%s)) IS TRUE", ordinal, f.allOrdinals(plan.Filter))
}
