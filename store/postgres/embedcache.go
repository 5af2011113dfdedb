package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	pgvector "github.com/pgvector/pgvector-go"

	"lindero/embed"
)

// EmbeddingCache is the tenant's own cache of embeddings. Vectors are kept as halfvec, which is how they are
// searched, so one from the cache and one freshly made and stored are the same.
func (h *Handle) EmbeddingCache() embed.Cache { return embeddingCache{h} }

type embeddingCache struct{ handle *Handle }

// Get implements embed.Cache.
func (c embeddingCache) Get(ctx context.Context, profile embed.Profile, hashes [][32]byte) (map[[32]byte][]float32, error) {
	keys := make([][]byte, len(hashes))
	for i := range hashes {
		keys[i] = hashes[i][:]
	}
	found := make(map[[32]byte][]float32, len(hashes))
	err := c.handle.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT k.hash, e.embedding FROM unnest($3::bytea[]) AS k (hash) CROSS JOIN LATERAL (
			SELECT embedding FROM embedding_cache WHERE tenant_id = $1 AND profile = $2 AND text_hash = k.hash OFFSET 0) e`,
			c.handle.id.UUID(), profile.String(), keys).Query(func(rows pgx.Rows) error {
			var hash []byte
			var vector pgvector.HalfVector
			_, err := pgx.ForEachRow(rows, []any{&hash, &vector}, func() error {
				found[[32]byte(hash)] = vector.Slice()
				return nil
			})
			return err
		})
	})
	return found, err
}

// Put implements embed.Cache.
func (c embeddingCache) Put(ctx context.Context, profile embed.Profile, vectors map[[32]byte][]float32) error {
	hashes := make([][]byte, 0, len(vectors))
	embeddings := make([][]float32, 0, len(vectors))
	for hash, vector := range vectors {
		hashes = append(hashes, hash[:])
		embeddings = append(embeddings, vector)
	}
	return c.handle.read(ctx, func(b *pgx.Batch) {
		b.Queue(`INSERT INTO embedding_cache (tenant_id, profile, text_hash, embedding)
			SELECT $1, $2, n.hash, n.embedding FROM unnest($3::bytea[], $4::halfvec[]) AS n (hash, embedding)
			ON CONFLICT DO NOTHING`, c.handle.id.UUID(), profile.String(), hashes, embeddings)
	})
}
