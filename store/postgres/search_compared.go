package postgres

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lindero/search"
)

// comparedFactor is from when on (the width that recall needs being one in so many of the candidates wanted) comparing costs
// less than more candidates: an index that is searched wide anyway brings them almost for nothing.
const comparedFactor = 2

// compares reports whether the target's vector leg brings few candidates of the index, and looks at the best of the
// lexical leg besides (search.Comparison). That leg has to be ranked first, then.
func compares(target search.Target, plan search.Plan) bool {
	return target.Comparison != nil && len(target.Terms) > 0 && plan.Filter == nil && asksIndex(target) &&
		targetEf(target)*comparedFactor <= target.Limit
}

// fromIndex is how many candidates an index is asked for.
func fromIndex(target search.Target, plan search.Plan) int {
	if compares(target, plan) {
		return target.Comparison.Nearest
	}
	return target.Limit
}

// fromWords is how many candidates the lexical leg brings.
func fromWords(target search.Target, plan search.Plan) int {
	if compares(target, plan) {
		return target.Comparison.Words
	}
	return target.Limit
}

// fromIndex is how many candidates the index brought for a target.
func (s *snapshot) fromIndex(i int) int {
	if n := s.retrieved[i].Nearest; n > 0 {
		return n
	}
	return len(s.retrieved[i].Vector)
}

// rankAhead ranks a lexical leg by what is in memory, if that is complete. The statement that goes by it says
// whether it still held.
func (s *snapshot) rankAhead(i int) bool {
	leg := s.lexical[i]
	if !leg.view.Complete() {
		return false
	}
	leg.rank(&s.retrieved[i])
	return true
}

// queueComparison asks for the nearest of a target's vectors and for the distances of those that its lexical leg, which
// is ranked, has found best.
func (s *snapshot) queueComparison(batch *pgx.Batch, nearest string, args *arguments, tenant, collection string, i int, target search.Target) {
	hits := s.retrieved[i].Lexical.Hits
	best := make([]int64, min(target.Comparison.Best, len(hits)))
	for n := range best {
		best[n] = hits[n].Ordinal
	}
	compared := fmt.Sprintf(`SELECT x.tenant_id, x.ordinal, x.embedding <=> %s, false FROM unnest(%s::bigint[]) AS k (ordinal)
		CROSS JOIN LATERAL (SELECT x.tenant_id, x.ordinal, x.embedding FROM %s x
			WHERE x.slot = %s AND x.tenant_id = %s AND x.collection_id = %s AND x.ordinal = k.ordinal OFFSET 0) x`,
		args.add(halfVector(target.Vector)), args.add(best), leafOf(target), args.add(target.Collection.Slot), tenant, collection)
	statement := fmt.Sprintf(`SELECT v.version, v.stands, n.* FROM (SELECT %s OFFSET 0) v
		LEFT JOIN (SELECT n.*, true FROM (%s) n UNION ALL %s) n (tenant_id, ordinal, distance, nearest) ON true`,
		s.verdictOn(args, tenant, collection, i), nearest, compared)
	batch.Queue(statement, args.values...).Query(func(rows pgx.Rows) error { return s.readComparison(rows, i, target) })
}

// readComparison reads the rows of queueComparison. What the index has found is there twice where it is good by words, too.
func (s *snapshot) readComparison(rows pgx.Rows, i int, target search.Target) error {
	var nearest pgtype.Bool
	found := &s.retrieved[i]
	found.Nearest = 0
	return s.eachCandidate(rows, i, target, func(c search.Candidate, distance float64) {
		same := func(other search.Candidate) bool { return other.Ordinal == c.Ordinal && other.Tenant == c.Tenant }
		if slices.ContainsFunc(found.Vector, same) {
			return
		}
		if nearest.Bool {
			found.Nearest++
		}
		s.addCandidate(i, c, distance)
	}, &nearest)
}
