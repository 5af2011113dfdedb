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
// database's, and a proposal that is not there, or not the collection's, finds nothing. Both sides are looked up
// by primary key.
func proposedVectors(args *arguments, leaf, slot, tenant, collection string, p *search.Proposal) string {
	look := fmt.Sprintf(`CROSS JOIN LATERAL (SELECT x.tenant_id, x.ordinal, x.embedding FROM %s x
		WHERE x.slot = %s AND x.tenant_id = %s AND x.collection_id = %s AND x.ordinal = k.ordinal OFFSET 0) x`, leaf, slot, tenant, collection)
	return fmt.Sprintf(`(SELECT x.* FROM (
			SELECT unnest(%s::bigint[]) AS ordinal
			UNION SELECT o.ordinal FROM vector_outbox o WHERE o.tenant_id = %s AND o.collection_id = %s AND NOT o.deleted
				AND o.visible_at > now() - make_interval(secs => %s)) k %s) v WHERE true`,
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
