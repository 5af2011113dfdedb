package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"lindero/search"
	"lindero/search/lexical/bm25"
	"lindero/search/lexical/codec"
)

// snapshot is one REPEATABLE READ transaction of the tenant's, open between the two batches of a search.
type snapshot struct {
	handle     *Handle
	conn       *pgxpool.Conn     // nil once it is finished
	slots      map[uuid.UUID]int // where the plan believes the collections' vectors to be
	retrieved  []search.Retrieved
	complete   []bool                        // a leg that asked an index has found all there is, however few
	passages   map[search.Key]search.Passage // already read by the first batch
	roundTrips int
}

// Retrieve implements search.Index. Begin, binding, the collections' rows and all legs share one round trip; a
// plan with Passages ends the transaction in it as well. Two statements of one implicit transaction could see
// different data, hence the isolation level.
func (h *Handle) Retrieve(ctx context.Context, plan search.Plan) (search.Snapshot, error) {
	if h.id.IsZero() {
		return nil, errNoTenant
	}
	s, err := h.retrieve(ctx, plan)
	if err != nil {
		return nil, err
	}
	if !s.scanShortLegs(&plan) {
		return s, nil
	}
	// An index may overlook chunks. A leg that came back short is answered by a scan, in a snapshot of its own.
	shortSearches.Inc()
	s.Close()
	again, err := h.retrieve(ctx, plan)
	if err != nil {
		return nil, err
	}
	again.roundTrips += s.roundTrips
	return again, nil
}

// scanShortLegs has the plan scan exactly where an index has found fewer candidates than were asked for, and reports
// whether there is such a leg.
func (s *snapshot) scanShortLegs(plan *search.Plan) (short bool) {
	for i, target := range plan.Targets {
		if asksIndex(target) && !s.retrieved[i].Stale && !s.complete[i] && len(s.retrieved[i].Vector) < target.Limit {
			if !short {
				plan.Targets = slices.Clone(plan.Targets) // the caller's stay as they are
			}
			plan.Targets[i].Exact, short = true, true
		}
	}
	return short
}

// retrieve is one try at Retrieve. The snapshot is nil only with an error.
func (h *Handle) retrieve(ctx context.Context, plan search.Plan) (*snapshot, error) {
	conn, err := h.store.pool.Acquire(ctx)
	if err != nil {
		return nil, translate(err)
	}
	s := &snapshot{handle: h, conn: conn, slots: map[uuid.UUID]int{}, roundTrips: 1,
		retrieved: make([]search.Retrieved, len(plan.Targets)), complete: make([]bool, len(plan.Targets))}
	batch := &pgx.Batch{}
	batch.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	batch.Queue(bindSearch, h.id.String())
	s.queueVersions(batch, plan.Targets)
	for i, target := range plan.Targets {
		if target.Vector != nil {
			s.queueVectorLeg(batch, plan, i)
		}
		if len(target.Terms) > 0 {
			s.queueLexicalLeg(batch, plan, i)
		}
	}
	if plan.Passages {
		batch.Queue("COMMIT")
	}
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		s.Close()
		return nil, translate(err)
	}
	if plan.Passages {
		s.finish()
	}
	for i := range s.retrieved {
		if s.retrieved[i].Stale {
			s.retrieved[i] = search.Retrieved{Stale: true}
		}
	}
	return s, nil
}

// Retrieved implements search.Snapshot.
func (s *snapshot) Retrieved() []search.Retrieved { return s.retrieved }

// RoundTrips implements search.Snapshot.
func (s *snapshot) RoundTrips() int { return s.roundTrips }

// Close implements search.Snapshot. A transaction is still open here only after an error or when the search is to be
// repeated; a connection that cannot even roll back is closed, and the pool replaces it.
func (s *snapshot) Close() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), retryAfterOutage)
	defer cancel()
	if _, err := s.conn.Exec(ctx, "ROLLBACK"); err != nil {
		_ = s.conn.Conn().Close(ctx)
	}
	s.finish()
}

func (s *snapshot) finish() {
	s.conn.Release()
	s.conn = nil
}

// queueVersions marks the targets whose collection is not what the plan was made for.
func (s *snapshot) queueVersions(batch *pgx.Batch, targets []search.Target) {
	ids := make([]uuid.UUID, len(targets))
	for i, target := range targets {
		ids[i] = target.Collection.ID
		s.slots[target.Collection.ID] = target.Collection.Slot
		s.retrieved[i].Stale = true
	}
	batch.Queue(`SELECT c.id, c.version FROM collections c
		WHERE c.tenant_id = $1 AND c.id = ANY ($2) AND c.deleted_at IS NULL`, s.handle.id.UUID(), ids).
		Query(func(rows pgx.Rows) error {
			var id uuid.UUID
			var version int64
			_, err := pgx.ForEachRow(rows, []any{&id, &version}, func() error {
				for i, target := range targets {
					if target.Collection.ID == id && target.Collection.Version == version {
						s.retrieved[i].Stale = false
					}
				}
				return nil
			})
			return err
		})
}

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
