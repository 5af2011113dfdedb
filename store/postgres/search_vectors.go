package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	pgvector "github.com/pgvector/pgvector-go"

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
		nearest = s.indexed(args, tenant, collection, target)
	default:
		nearest = s.indexedFiltered(args, tenant, collection, target, plan)
	}
	if asksIndex(target) {
		queueIndexSettings(batch, target, plan.Filter != nil)
		defer batch.Queue(ordinaryPlans) // for what follows in the transaction
	}
	if plan.Passages {
		s.queueNearestPassages(batch, nearest, args, tenant, collection, plan, i)
		return
	}
	batch.Queue(`WITH nearest AS MATERIALIZED (`+nearest+`) SELECT * FROM nearest ORDER BY distance, ordinal`, args.values...).Query(func(rows pgx.Rows) error {
		var c search.Candidate
		var distance float64
		_, err := pgx.ForEachRow(rows, []any{&c.Tenant, &c.Ordinal, &distance}, func() error {
			s.addCandidate(i, c, distance)
			return nil
		})
		return err
	})
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
	source := fmt.Sprintf(`chunk_vectors v WHERE v.slot = %s AND v.tenant_id = %s AND v.collection_id = %s`, slot, tenant, collection)
	if target.Proposed != nil {
		source = proposedVectors(args, slot, tenant, collection, target.Proposed) + proposedOf(args, tenant, collection, plan.Filter)
	} else {
		source += s.narrowed(args, tenant, collection, "v.ordinal", plan)
	}
	return fmt.Sprintf(`SELECT v.tenant_id, v.ordinal, v.embedding <=> %s AS distance FROM %s ORDER BY distance, v.ordinal LIMIT %s`,
		args.add(pgvector.NewHalfVector(target.Vector)), source, args.add(target.Limit))
}

// indexed asks the collection's own approximate index.
func (s *snapshot) indexed(args *arguments, tenant, collection string, target search.Target) string {
	distance := fmt.Sprintf("v.embedding::halfvec(%d) <=> %s", target.Collection.Embedding.Dimensions, args.add(pgvector.NewHalfVector(target.Vector)))
	return fmt.Sprintf(`SELECT v.tenant_id, v.ordinal, %s AS distance FROM chunk_vectors v
		WHERE v.slot = %s AND v.tenant_id = %s AND v.collection_id = %s ORDER BY %s LIMIT %s`,
		distance, args.add(target.Collection.Slot), tenant, collection, distance, args.add(target.Limit))
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

// filteredFactor is how much wider the index is searched under a filter: what the scan finds when it goes on beyond its
// width is not quite in order.
const filteredFactor = 2

// queueIndexSettings says how wide the index is searched and how to plan it. The scan goes on beyond that width until
// the limit is reached: what a policy, a filter or a deletion hides must not shorten the answer. What is found is
// looked up by key; without sorts, or the planner might read the whole slot and sort it.
func queueIndexSettings(batch *pgx.Batch, target search.Target, filtered bool) {
	ef := target.Collection.EfSearch
	if ef == 0 {
		ef = defaultEfSearch(target.Collection.Chunks)
	}
	if filtered {
		ef *= filteredFactor
	}
	ef = min(max(ef, target.Limit), maxEfSearch)
	batch.Queue(`SELECT set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
		set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
		set_config('enable_mergejoin', 'off', true), set_config('enable_memoize', 'off', true)`, fmt.Sprint(ef))
}

// ordinaryPlans takes the planner's part of that back.
const ordinaryPlans = `SELECT set_config('enable_sort', 'on', true), set_config('enable_seqscan', 'on', true),
	set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true), set_config('enable_memoize', 'on', true)`

// narrowed is the plan's filter as a further condition on an ordinal, empty without one.
func (s *snapshot) narrowed(args *arguments, tenant, collection, ordinal string, plan search.Plan) string {
	if plan.Filter == nil {
		return ""
	}
	f := &filterSQL{args: args, tenant: tenant, collection: collection}
	return fmt.Sprintf(` AND (%[1]s IN (SELECT c.ordinal FROM chunks c WHERE c.tenant_id = %[2]s AND c.collection_id = %[3]s
		AND (c.document_key IN (SELECT d.key FROM documents d WHERE d.tenant_id = %[2]s AND d.collection_id = %[3]s AND %[4]s)) IS TRUE)) IS TRUE`,
		ordinal, tenant, collection, f.condition(plan.Filter))
}
