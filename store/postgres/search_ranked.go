package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lindero/search"
)

// retrieveRanked answers a plan of one lexical leg in one round trip: it ranks what is in memory, and one statement
// reads the passages and confirms, in its own snapshot, that what was ranked by is still so. It returns nil when memory
// does not suffice, or not any more.
func (h *Handle) retrieveRanked(ctx context.Context, plan search.Plan) (*snapshot, error) {
	target := plan.Targets[0]
	leg := h.newLexicalLeg(target, plan.Count)
	if !leg.view.Complete() {
		return nil, nil
	}
	s := &snapshot{handle: h, roundTrips: 1, retrieved: make([]search.Retrieved, 1), passages: make(map[search.Key]*search.Passage, target.Limit)}
	leg.rank(&s.retrieved[0])
	batch := &pgx.Batch{}
	batch.Queue(bindSearch, h.id.String(), strconv.Itoa(efSearch(plan)))
	var version pgtype.Int8
	s.queueRankedPassages(batch, leg, &version)
	if err := h.store.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, translate(err)
	}
	if leg.outdated {
		outdatedViews.Inc()
		h.store.lexical.Forget(leg.collection)
		return nil, nil
	}
	if !version.Valid || version.Int64 != target.Collection.Version {
		s.retrieved[0] = search.Retrieved{Stale: true}
	}
	return s, nil
}

// queueRankedPassages reads the passages of what was ranked. There is a row even when nothing was found, for the
// verdict on the ranking.
func (s *snapshot) queueRankedPassages(batch *pgx.Batch, leg *lexicalLeg, version *pgtype.Int8) {
	hits := s.retrieved[0].Lexical.Hits
	ordinals := make([]int64, len(hits))
	for i, hit := range hits {
		ordinals[i] = hit.Ordinal
	}
	args := &arguments{}
	tenant, collection := args.add(leg.collection.Tenant), args.add(leg.collection.ID)
	statement := fmt.Sprintf(`SELECT v.version, v.stands, p.*
		FROM (SELECT (SELECT c.version FROM collections c WHERE c.tenant_id = %[1]s AND c.id = %[2]s AND c.deleted_at IS NULL) AS version,
			(%[3]s) AS stands OFFSET 0) v
		LEFT JOIN LATERAL (SELECT k.ordinal, %[4]s FROM unnest(%[5]s::bigint[]) AS k (ordinal)
			CROSS JOIN LATERAL %[6]s WHERE v.stands OFFSET 0) p ON true`,
		tenant, collection, leg.stands(args, tenant, collection), passageColumns, args.add(ordinals), passageAt(tenant, collection, "k.ordinal"))
	batch.Queue(statement, args.values...).Query(func(rows pgx.Rows) error {
		var stands bool
		var ordinal pgtype.Int8
		var row passageRow
		columns := row.columns(false, version, &stands, &ordinal)
		for rows.Next() {
			if err := rows.Scan(columns...); err != nil {
				return err
			}
			leg.outdated = !stands
			if passage := row.take(); passage != nil {
				s.passages[leg.key(ordinal.Int64)] = passage
			}
		}
		return rows.Err()
	})
}
