package postgres

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lindero/store/filter"
)

// Ranks of what an index finds the documents of a condition by, the most selective first as far as its form tells.
const (
	byID = iota
	byValue
	byValues
	byRange
	byPresence // or by one of two values
	byNothing  // every document would have to be looked at
)

// rankOf is how well an index finds the documents that match.
func rankOf(e filter.Expr) int {
	switch e := e.(type) {
	case filter.Compare:
		return rankOfCompare(e)
	case filter.In:
		if e.Field == filter.ID {
			return byID
		}
		if !e.Field.IsOwn() {
			return byValues
		}
	case filter.Exists:
		if !e.Field.IsOwn() {
			return byPresence
		}
	case filter.And:
		best := byNothing
		for _, part := range e {
			best = min(best, rankOf(part))
		}
		return best
	case filter.Or:
		worst := byID
		for _, part := range e {
			worst = max(worst, rankOf(part))
		}
		return worst
	}
	return byNothing
}

func rankOfCompare(e filter.Compare) int {
	switch {
	case e.Field == filter.ID && e.Op == filter.Eq:
		return byID
	case e.Field.IsOwn():
		return byNothing
	case e.Op != filter.Eq:
		return byRange
	}
	if _, yesNo := e.Value.(bool); yesNo {
		return byPresence
	}
	return byValue
}

// foundColumns are what is known of a document that was found: its key, and the run of its chunks' ordinals.
const foundColumns = "key, first_ordinal, chunks"

// found selects foundColumns of the documents that match, in no order and some of them more than once, so that a limit
// ends it early. The expression's rank must be better than byNothing.
func (f *filterSQL) found(e filter.Expr) string {
	switch e := e.(type) {
	case filter.Compare:
		if e.Field.IsOwn() {
			return f.foundByID("d.id = " + f.args.add(e.Value))
		}
		return f.foundWith(e.Field, f.valueIs(e))
	case filter.In:
		return f.foundIn(e)
	case filter.Exists:
		return f.foundWith(e.Field, anyValue)
	case filter.Or:
		parts := make([]string, len(e))
		for i, part := range e {
			parts[i] = "(" + f.found(part) + ")"
		}
		if len(parts) == 0 {
			return f.foundByID("FALSE")
		}
		return strings.Join(parts, " UNION ALL ")
	case filter.And:
		return f.foundByPart(e)
	}
	return f.foundByID("TRUE")
}

func (f *filterSQL) foundIn(e filter.In) string {
	if e.Field.IsOwn() {
		ids := make([]string, 0, len(e.Values))
		for _, value := range e.Values {
			if id, ok := value.(string); ok {
				ids = append(ids, id)
			}
		}
		return f.foundByID("d.id = ANY (" + f.args.add(ids) + ")")
	}
	condition := f.valueIn(e.Values)
	if condition == "" {
		condition = "FALSE"
	}
	return f.foundWith(e.Field, condition)
}

func (f *filterSQL) foundWith(field filter.Field, condition string) string {
	return f.documentsWith("f.document_key, f.first_ordinal, f.chunks", field, condition)
}

func (f *filterSQL) foundByID(condition string) string {
	return fmt.Sprintf(`SELECT d.key, c.* FROM documents d CROSS JOIN LATERAL (SELECT coalesce(min(ordinal), 0), count(*)::int FROM (SELECT ordinal
			FROM chunks WHERE tenant_id = %[1]s AND collection_id = %[2]s AND document_key = d.key ORDER BY position OFFSET 0) c) c
		WHERE d.tenant_id = %[1]s AND d.collection_id = %[2]s AND %[3]s`, f.tenant, f.collection, condition)
}

// foundByPart finds documents by the best of the parts and looks the others up for each.
func (f *filterSQL) foundByPart(parts filter.And) string {
	way := waysTo(parts)[0]
	return fmt.Sprintf("SELECT b.* FROM (%s) b (%s) WHERE %s", f.found(way.by), foundColumns, f.of("b.key").condition(way.rest))
}

// of compiles conditions on the document with that key.
func (f *filterSQL) of(key string) *filterSQL {
	return &filterSQL{args: f.args, tenant: f.tenant, collection: f.collection, key: key}
}

// way is one way to find what matches an expression: by an index on a part of it, then by looking up the rest.
type way struct {
	by   filter.Expr
	rest filter.And // empty matches everything
}

// maxWays is how many ways are tried: each costs planning time.
const maxWays = 3

// waysTo are the ways to find what matches, the most promising first; none when no index helps.
func waysTo(e filter.Expr) (ways []way) {
	parts, ok := e.(filter.And)
	if !ok {
		parts = filter.And{e}
	}
	for i, part := range parts {
		if rankOf(part) < byNothing {
			ways = append(ways, way{by: part, rest: append(append(filter.And{}, parts[:i]...), parts[i+1:]...)})
		}
	}
	slices.SortStableFunc(ways, func(a, b way) int { return cmp.Compare(rankOf(a.by), rankOf(b.by)) })
	return ways[:min(len(ways), maxWays)]
}

// ordinals selects the ordinals of the chunks that match, some of them more than once: by indexes alone where those tell
// all of the expression, else from all that the collection has. It is not for a subquery: the planner takes a run for a
// thousand rows, and would not hash that many.
func (f *filterSQL) ordinals(e filter.Expr) string {
	if !toldByIndexes(e) {
		return f.allOrdinals(e)
	}
	return fmt.Sprintf("SELECT generate_series(k.first_ordinal, k.first_ordinal + k.chunks - 1) FROM (%s) k (%s)", f.found(e), foundColumns)
}

// toldByIndexes reports whether found looks no document up by itself.
func toldByIndexes(e filter.Expr) bool {
	switch e := e.(type) {
	case filter.And:
		return false
	case filter.Or:
		return !slices.ContainsFunc(e, func(part filter.Expr) bool { return !toldByIndexes(part) })
	}
	return rankOf(e) < byNothing
}
