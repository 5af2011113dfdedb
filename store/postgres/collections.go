package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/store/queue"
)

// collectionColumns are what scanCollection reads, from collections c.
const collectionColumns = `c.id, c.name, c.description, c.language, c.provider, c.model, c.dimensions, c.chunking,
	c.metadata, c.slot, c.backend, c.indexed_chunks, c.ef_search, c.version, c.created_at, c.updated_at, ARRAY(SELECT DISTINCT unnest(s.languages)
		FROM lexical_segments s WHERE s.tenant_id = c.tenant_id AND s.collection_id = c.id ORDER BY 1)`

func scanCollection(row pgx.CollectableRow) (store.Collection, error) {
	var c store.Collection
	return c, row.Scan(&c.ID, &c.Name, &c.Description, &c.Language, &c.Embedding.Provider, &c.Embedding.Model,
		&c.Embedding.Dimensions, &c.Chunking, &c.Metadata, &c.Slot, &c.Backend, &c.Chunks, &c.EfSearch, &c.Version, &c.CreatedAt, &c.UpdatedAt, &c.Languages)
}

// Collection returns one collection by name.
func (h *Handle) Collection(ctx context.Context, name string) (store.Collection, error) {
	found, err := h.CollectionsNamed(ctx, []string{name})
	if err != nil {
		return store.Collection{}, err
	}
	return found[0], nil
}

// CollectionsNamed returns the collections in the order of names. The first that does not exist is a
// fault.NotFound that names it.
func (h *Handle) CollectionsNamed(ctx context.Context, names []string) ([]store.Collection, error) {
	found, err := h.collections(ctx, `c.name = ANY($2)`, names)
	if err != nil {
		return nil, err
	}
	ordered := make([]store.Collection, len(names))
	for i, name := range names {
		at := slices.IndexFunc(found, func(c store.Collection) bool { return c.Name == name })
		if at < 0 {
			return nil, noCollection(name)
		}
		ordered[i] = found[at]
	}
	return ordered, nil
}

// Collections lists the tenant's collections by name.
func (h *Handle) Collections(ctx context.Context, page store.Page) (store.Listing[store.Collection], error) {
	found, err := h.collections(ctx, `c.name > $2 ORDER BY c.name LIMIT $3`, page.After, page.Limit+1)
	return listing(found, page.Limit, func(c store.Collection) string { return c.Name }), err
}

// collections reads those that are not deleted; condition goes on from $2.
func (h *Handle) collections(ctx context.Context, condition string, args ...any) (found []store.Collection, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT `+collectionColumns+` FROM collections c WHERE c.tenant_id = $1 AND c.deleted_at IS NULL AND `+condition,
			slices.Insert(args, 0, any(h.id.UUID()))...).Query(func(rows pgx.Rows) (err error) {
			found, err = pgx.CollectRows(rows, scanCollection)
			return err
		})
	})
	return found, err
}

func noCollection(name string) error {
	return fault.New(fault.NotFound, "collection %q does not exist", name)
}

// CollectionStats counts what the collections hold. Documents count from their acceptance, chunks from their
// indexing; bytes are as sent. An id that is not the tenant's is missing in the answer.
func (h *Handle) CollectionStats(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]store.CollectionStats, error) {
	stats := make(map[uuid.UUID]store.CollectionStats, len(ids))
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT c.id, s.documents, s.chunks, s.bytes
			FROM collections c CROSS JOIN LATERAL (
				SELECT count(*) AS documents, coalesce(sum(d.chunks), 0)::bigint AS chunks, coalesce(sum(d.bytes), 0)::bigint AS bytes
				FROM documents d WHERE d.tenant_id = c.tenant_id AND d.collection_id = c.id) s
			WHERE c.tenant_id = $1 AND c.id = ANY($2) AND c.deleted_at IS NULL`, h.id.UUID(), ids).Query(func(rows pgx.Rows) error {
			var id uuid.UUID
			var s store.CollectionStats
			_, err := pgx.ForEachRow(rows, []any{&id, &s.Documents, &s.Chunks, &s.Bytes}, func() error {
				stats[id] = s
				return nil
			})
			return err
		})
	})
	return stats, err
}

// DeleteCollection takes a collection out of every search and listing at once; its rows go in the background.
// The name is free again immediately.
func (h *Handle) DeleteCollection(ctx context.Context, name string) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `UPDATE collections SET deleted_at = now(), version = version + 1, updated_at = now()
			WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL RETURNING id`, h.id.UUID(), name).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return noCollection(name)
		}
		if err != nil {
			return err
		}
		_, err = h.store.jobs.InsertTx(ctx, tx, queue.PurgeCollection{TenantID: h.id.UUID(), CollectionID: id}, nil)
		return err
	})
}
