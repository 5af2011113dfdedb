package postgres

import (
	"fmt"
	"math"
	"strings"

	"lindero/search"
	"lindero/store/filter"
)

// completeMark is the ordinal of the row by which a filtered leg says that it has looked at everything that matches,
// however little that is.
const completeMark = -1

// candidateCost is what a candidate of the index costs with its look-up in the filter, relative to a chunk that was
// found by the filter and compared.
const candidateCost = 6

// fewMatches is up to how many matching documents reading them all beats asking the index and dropping what does not
// match: m matches cost m, and k candidates of which one in c/m matches cost k·c/m.
func fewMatches(chunks int64, limit int) int {
	return min(max(int(math.Sqrt(candidateCost*float64(chunks)*float64(limit))), 200), 20_000)
}

// chunksPerMatch is how many chunks a matching document may have on average before it counts as many.
const chunksPerMatch = 2

// filteredLeg writes the statement of one leg that has a filter and an index. Bounds are parameters too: a statement
// that grew with the collection would be planned anew each time.
type filteredLeg struct {
	filter             *filterSQL
	leaf               string // the partition
	vector, slot       string // placeholders
	limit              string
	few, fewChunks     string // how many documents, and chunks of theirs, are compared one by one
	dimensions         int
	tenant, collection string
}

// indexedFiltered ranks what matches the plan's filter, in a slot with an index. It finds the matching documents first,
// up to a bound; when that is all of them, it compares them one by one, which overlooks nothing. When there are more,
// the index proposes and each candidate is looked up, until there are enough. The planner cannot make this choice: its
// estimates do not know one tenant from another.
func (s *snapshot) indexedFiltered(args *arguments, tenant, collection string, target search.Target, plan search.Plan) string {
	few := fewMatches(target.Collection.Chunks, target.Limit)
	l := &filteredLeg{
		filter: &filterSQL{args: args, tenant: tenant, collection: collection},
		leaf:   leafOf(target),
		vector: args.add(halfVector(target.Vector)), slot: args.add(target.Collection.Slot), limit: args.add(target.Limit),
		dimensions: target.Collection.Embedding.Dimensions, tenant: tenant, collection: collection,
	}
	ways := waysTo(plan.Filter)
	if len(ways) == 0 {
		return l.proposed(plan.Filter, "TRUE")
	}
	l.few, l.fewChunks = args.add(int64(few))+"::bigint", args.add(int64(few*chunksPerMatch))+"::bigint"
	steps, found := l.findDocuments(ways)
	return fmt.Sprintf(`WITH %s, matched (ordinal) AS MATERIALIZED (SELECT generate_series(k.first_ordinal, k.first_ordinal + k.chunks - 1)
			FROM matching k LIMIT %s + 1),
		few AS MATERIALIZED (SELECT %s AND count(*) <= %s AS ok FROM matched)
		(SELECT v.tenant_id, v.ordinal, v.embedding <=> %s AS distance FROM %s
			AND v.ordinal = ANY (ARRAY(SELECT ordinal FROM matched WHERE (SELECT ok FROM few))) ORDER BY distance, v.ordinal LIMIT %s)
		UNION ALL (SELECT %s::uuid, %d, 'Infinity' WHERE (SELECT ok FROM few))
		UNION ALL (%s)`,
		steps, l.fewChunks,
		found, l.fewChunks,
		l.vector, l.source(), l.limit,
		tenant, completeMark,
		l.proposed(plan.Filter, "NOT (SELECT ok FROM few)"))
}

// source is the collection's vectors, as v.
func (l *filteredLeg) source() string {
	return fmt.Sprintf(`%s v WHERE v.slot = %s AND v.tenant_id = %s AND v.collection_id = %s`, l.leaf, l.slot, l.tenant, l.collection)
}

// proposed has the index propose, and looks each candidate up in the filter; nothing when the condition, which must not
// depend on a row, does not hold.
func (l *filteredLeg) proposed(e filter.Expr, when string) string {
	distance := fmt.Sprintf("v.embedding::halfvec(%d) <=> %s", l.dimensions, l.vector)
	return fmt.Sprintf(`SELECT v.tenant_id, v.ordinal, %[1]s AS distance FROM %[2]s AND %[3]s AND %[4]s ORDER BY %[1]s LIMIT %[5]s`,
		distance, l.source(), when, l.filter.ofCandidate(e), l.limit)
}

// findDocuments tries the ways one after another until one finds few documents, and names them matching. found is the condition
// that there was such a way. Each count stands in a row of its own, so that it is made once.
func (l *filteredLeg) findDocuments(ways []way) (steps, found string) {
	var tries, matching, oks []string
	for i, w := range ways {
		unless := "TRUE"
		if i > 0 {
			unless = "NOT (" + strings.Join(oks, " OR ") + ")"
		}
		ok := fmt.Sprintf("(SELECT ok FROM few%d)", i)
		tries = append(tries,
			fmt.Sprintf("found%d AS MATERIALIZED (SELECT k.* FROM (%s) k (%s) WHERE %s LIMIT %s + 1)", i, l.filter.found(w.by), foundColumns, unless, l.few),
			fmt.Sprintf("few%d AS MATERIALIZED (SELECT count(*) <= %s AS ok FROM found%d)", i, l.few, i))
		matching = append(matching, fmt.Sprintf("SELECT k.* FROM found%d k WHERE %s AND %s", i, ok, l.filter.of("k.key").condition(w.rest)))
		oks = append(oks, ok)
	}
	steps = fmt.Sprintf("%s, matching AS (%s)", strings.Join(tries, ", "), strings.Join(matching, " UNION ALL "))
	return steps, "(" + strings.Join(oks, " OR ") + ")"
}
