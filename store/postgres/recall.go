package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// RecallState returns what the next measurement of a collection starts from. A collection that is gone is a
// fault.NotFound.
func (h *Handle) RecallState(ctx context.Context, collection uuid.UUID) (s store.RecallState, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT c.id, c.name, c.slot, c.ef_search, c.indexed_chunks, recall_objective(t.settings),
				c.ef_search > 0 AND coalesce(r.objective = recall_objective(t.settings), false)
			FROM collections c JOIN tenants t ON t.id = c.tenant_id
			LEFT JOIN collection_recall r ON r.tenant_id = c.tenant_id AND r.collection_id = c.id
			WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL`, h.id.UUID(), collection).QueryRow(func(row pgx.Row) error {
			return missing(row.Scan(&s.Collection, &s.Name, &s.Slot, &s.EfSearch, &s.Chunks, &s.Objective, &s.Fitted), "the collection does not exist")
		})
	})
	s.Indexed = s.Slot >= store.FirstOwnSlot
	if s.EfSearch == 0 {
		s.EfSearch = defaultEfSearch(s.Chunks)
	}
	return s, err
}

// RecordRecall keeps a measurement in place of the one before. It notes since when the tenant's objective has been
// missed.
func (h *Handle) RecordRecall(ctx context.Context, collection uuid.UUID, m store.RecallMeasurement) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `WITH judged AS (
				SELECT c.id, c.name, recall_objective(t.settings) AS objective, $3::float8 < recall_objective(t.settings) AS below FROM collections c JOIN tenants t ON t.id = c.tenant_id
				WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL FOR KEY SHARE OF c)
			INSERT INTO collection_recall AS r (tenant_id, collection_id, name, recall, queries, top_k, short_results,
				exact_p50_ms, exact_p95_ms, index_p50_ms, index_p95_ms, ef_search, objective, below_since)
			SELECT $1, id, name, $3, $4, $5, $6, $7, $8, $9, $10, $11, objective, CASE WHEN below THEN now() END FROM judged
			ON CONFLICT (tenant_id, collection_id) DO UPDATE SET recall = excluded.recall, queries = excluded.queries, top_k = excluded.top_k,
				short_results = excluded.short_results, exact_p50_ms = excluded.exact_p50_ms, exact_p95_ms = excluded.exact_p95_ms,
				index_p50_ms = excluded.index_p50_ms, index_p95_ms = excluded.index_p95_ms, ef_search = excluded.ef_search, objective = excluded.objective,
				below_since = CASE WHEN excluded.below_since IS NOT NULL THEN coalesce(r.below_since, excluded.below_since) END,
				measured_at = now()`,
			h.id.UUID(), collection, m.Recall, m.Queries, m.TopK, m.ShortResults, m.ExactP50, m.ExactP95, m.IndexP50, m.IndexP95, m.EfSearch)
		if err == nil && tag.RowsAffected() == 0 {
			return missing(pgx.ErrNoRows, "the collection does not exist")
		}
		return err
	})
}

// ForgetRecall drops the figure of a collection that has no approximate index any more.
func (h *Handle) ForgetRecall(ctx context.Context, collection uuid.UUID) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM collection_recall WHERE tenant_id = $1 AND collection_id = $2`, h.id.UUID(), collection)
		return err
	})
}
