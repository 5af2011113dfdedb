package postgres

import (
	"fmt"
	"time"

	"lindero/search"
	"lindero/store/filter"
)

// visibleMargin covers what passes between reading the clock here and the transaction's start in the database.
const visibleMargin = time.Second

// proposedVectors are, as v, the vectors on record of what an index proposed, and of what it cannot have known
// when it was asked: entries of the outbox that were not visible in it by then. Scores are thus always the
// database's, and a proposal that is not there, or not the collection's, finds nothing. The vectors are looked up by
// primary key. The outbox is read in the order of visible_at, so that only the index of pending entries serves without a
// sort (lookup.go): by the primary key, every entry of a collection lately written would be read.
func proposedVectors(args *arguments, leaf, slot, tenant, collection string, p *search.Proposal) string {
	look := fmt.Sprintf(`CROSS JOIN LATERAL (SELECT x.tenant_id, x.ordinal, x.embedding FROM %s x
		WHERE x.slot = %s AND x.tenant_id = %s AND x.collection_id = %s AND x.ordinal = k.ordinal OFFSET 0) x`, leaf, slot, tenant, collection)
	return fmt.Sprintf(`(SELECT x.* FROM (
			SELECT unnest(%s::bigint[]) AS ordinal
			UNION SELECT generate_series(o.ordinal, o.ordinal + o.run - 1) FROM (SELECT ordinal, run FROM vector_outbox
				WHERE tenant_id = %s AND collection_id = %s AND NOT deleted
				AND visible_at > now() - make_interval(secs => %s) ORDER BY visible_at OFFSET 0) o) k %s) v WHERE true`,
		args.add(p.Ordinals), tenant, collection, args.add((time.Since(p.Asked) + visibleMargin).Seconds()), look)
}

// proposedOf is the filter as a further condition on the proposed vectors v, each looked up by itself.
func proposedOf(args *arguments, tenant, collection string, e filter.Expr) string {
	if e == nil {
		return ""
	}
	f := &filterSQL{args: args, tenant: tenant, collection: collection}
	return " AND " + f.ofCandidate(e)
}
