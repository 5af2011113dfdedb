package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"lindero/search"
	"lindero/search/lexical/bm25"
	"lindero/search/lexical/codec"
)

// queueLexicalLeg reads what BM25 needs: totals, deleted chunks, each term's posting blocks, and with a filter the
// chunks that it allows. The lateral look-up keeps to the primary key whatever the statistics say.
func (s *snapshot) queueLexicalLeg(batch *pgx.Batch, plan search.Plan, i int) {
	target := plan.Targets[i]
	tenant, collection := s.handle.id.UUID(), target.Collection.ID
	query := &bm25.Query{Terms: make([]bm25.Term, len(target.Terms)), Parameters: bm25.Default}
	s.retrieved[i].Lexical = query
	terms := make([]string, len(target.Terms))
	for n, term := range target.Terms {
		terms[n], query.Terms[n].Count = term.Term, term.Count
	}
	batch.Queue(`SELECT coalesce(sum(s.chunks), 0)::bigint, coalesce(sum(s.tokens), 0)::bigint,
			ARRAY(SELECT DISTINCT l FROM lexical_segments t, unnest(t.languages) l
				WHERE t.tenant_id = $1 AND t.collection_id = $2 ORDER BY l)
		FROM lexical_segments s WHERE s.tenant_id = $1 AND s.collection_id = $2`, tenant, collection).
		QueryRow(func(row pgx.Row) error {
			return row.Scan(&query.Statistics.Chunks, &query.Statistics.Tokens, &s.retrieved[i].Languages)
		})
	batch.Queue(`SELECT ordinal, tokens FROM lexical_deleted WHERE tenant_id = $1 AND collection_id = $2 ORDER BY ordinal`,
		tenant, collection).Query(func(rows pgx.Rows) error {
		var ordinal int64
		var tokens int64
		_, err := pgx.ForEachRow(rows, []any{&ordinal, &tokens}, func() error {
			query.Deleted = append(query.Deleted, ordinal)
			query.Statistics.Chunks--
			query.Statistics.Tokens -= tokens
			return nil
		})
		return err
	})
	batch.Queue(`SELECT k.n, p.postings FROM unnest($3::text[]) WITH ORDINALITY AS k (term, n)
		CROSS JOIN LATERAL (SELECT l.postings FROM lexical_postings l
			WHERE l.tenant_id = $1 AND l.collection_id = $2 AND l.term >= k.term AND l.term <= k.term
			ORDER BY l.term, l.segment_id OFFSET 0) p`, tenant, collection, terms).
		Query(func(rows pgx.Rows) error {
			var n int
			var block []byte
			_, err := pgx.ForEachRow(rows, []any{&n, &block}, func() error {
				query.Terms[n-1].Blocks = append(query.Terms[n-1].Blocks, block)
				block = nil // the next row must not be read over this one
				return nil
			})
			return err
		})
	if plan.Filter != nil {
		s.queueAllowed(batch, plan, i, query)
	}
}

func (s *snapshot) queueAllowed(batch *pgx.Batch, plan search.Plan, i int, query *bm25.Query) {
	args := &arguments{}
	tenant, collection := args.add(s.handle.id.UUID()), args.add(plan.Targets[i].Collection.ID)
	f := &filterSQL{args: args, tenant: tenant, collection: collection}
	statement := fmt.Sprintf(`SELECT c.ordinal FROM chunks c WHERE c.tenant_id = %[1]s AND c.collection_id = %[2]s
		AND (c.document_key IN (SELECT d.key FROM documents d WHERE d.tenant_id = %[1]s AND d.collection_id = %[2]s AND %[3]s)) IS TRUE`,
		tenant, collection, f.condition(plan.Filter))
	batch.Queue(statement, args.values...).Query(func(rows pgx.Rows) error {
		ordinals, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		allowed := codec.NewOrdinals(ordinals)
		query.Allowed = &allowed
		return err
	})
}
