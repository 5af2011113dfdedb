package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	pgvector "github.com/pgvector/pgvector-go"
)

// SampleVectors returns up to n stored vectors of a collection, drawn over its range of ordinals; none when it has no
// vectors or does not exist. Every draw is one look-up in the primary key, whatever the collection's size; one that
// follows a gap of deleted chunks is drawn more often.
func (h *Handle) SampleVectors(ctx context.Context, collection uuid.UUID, n int) (vectors [][]float32, err error) {
	const vectorsOf = `FROM chunk_vectors v WHERE v.slot = (SELECT c.slot FROM collections c WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL)
		AND v.tenant_id = $1 AND v.collection_id = $2`
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`WITH ends AS (SELECT
				(SELECT v.ordinal `+vectorsOf+` ORDER BY v.ordinal LIMIT 1) AS first,
				(SELECT v.ordinal `+vectorsOf+` ORDER BY v.ordinal DESC LIMIT 1) AS last),
			draws AS MATERIALIZED (SELECT first + floor(random() * (last - first + 1))::bigint AS at FROM ends, generate_series(1, $3))
			SELECT x.embedding FROM (SELECT DISTINCT o.ordinal FROM draws CROSS JOIN LATERAL (
					SELECT v.ordinal `+vectorsOf+` AND v.ordinal >= draws.at ORDER BY v.ordinal LIMIT 1) o) k
			CROSS JOIN LATERAL (SELECT v.embedding `+vectorsOf+` AND v.ordinal = k.ordinal OFFSET 0) x`,
			h.id.UUID(), collection, n).Query(func(rows pgx.Rows) error {
			var vector pgvector.HalfVector
			_, err := pgx.ForEachRow(rows, []any{&vector}, func() error {
				vectors = append(vectors, vector.Slice())
				return nil
			})
			return err
		})
	})
	return vectors, err
}
