package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lindero/search"
)

// retrieveRanked answers a plan of one lexical leg in one round trip: it ranks what is in memory, and one statement
// reads the passages and confirms, in its own snapshot, that what was ranked by is still so. The snapshot is nil when
// memory does not suffice, or not any more; spent are the round trips that finding out took.
func (h *Handle) retrieveRanked(ctx context.Context, plan search.Plan) (s *snapshot, spent int, err error) {
	target := plan.Targets[0]
	leg := h.newLexicalLeg(target, target.Limit, plan.Count)
	if !leg.view.Complete() {
		return nil, 0, nil
	}
	s = &snapshot{handle: h, roundTrips: 1, retrieved: make([]search.Retrieved, 1), lexical: []*lexicalLeg{leg}, passages: make(map[search.Key]*search.Passage, target.Limit)}
	leg.rank(&s.retrieved[0])
	if err := h.readOn(ctx, h.store.searches, func(batch *pgx.Batch) { s.queueRankedPassages(batch, target) }); err != nil {
		return nil, 0, err
	}
	if leg.outdated {
		outdatedViews.Inc()
		h.store.lexical.Forget(leg.collection)
		return nil, 1, nil
	}
	if s.retrieved[0].Stale {
		s.retrieved[0] = search.Retrieved{Stale: true}
	}
	return s, 0, nil
}

// queueRankedPassages reads the passages of what was ranked. There is a row even when nothing was found, for the
// verdict on the ranking.
func (s *snapshot) queueRankedPassages(batch *pgx.Batch, target search.Target) {
	leg, hits := s.lexical[0], s.retrieved[0].Lexical.Hits
	ordinals := make([]int64, len(hits))
	for i, hit := range hits {
		ordinals[i] = hit.Ordinal
	}
	args := &arguments{}
	tenant, collection := args.add(leg.collection.Tenant), args.add(leg.collection.ID)
	statement := fmt.Sprintf(`SELECT v.version, v.stands, p.* FROM (SELECT %[1]s OFFSET 0) v
		LEFT JOIN LATERAL (SELECT k.ordinal, %[2]s FROM unnest(%[3]s::bigint[]) AS k (ordinal)
			CROSS JOIN LATERAL %[4]s WHERE v.stands OFFSET 0) p ON true`,
		s.verdictOn(args, tenant, collection, 0), passageColumns, args.add(ordinals), passageAt(tenant, collection, "k.ordinal"))
	batch.Queue(statement, args.values...).Query(func(rows pgx.Rows) error {
		var v verdict
		var ordinal pgtype.Int8
		var row passageRow
		columns := row.columns(false, &v.version, &v.stands, &ordinal)
		for rows.Next() {
			if err := rows.Scan(columns...); err != nil {
				return err
			}
			s.take(v, 0, target)
			if passage := row.take(); passage != nil {
				s.passages[leg.key(ordinal.Int64)] = passage
			}
		}
		return rows.Err()
	})
}
