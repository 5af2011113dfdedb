package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// Documents lists a collection's documents by id.
func (h *Handle) Documents(ctx context.Context, collection string, q store.DocumentQuery) (store.Listing[store.Document], error) {
	var list []store.Document
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT id FROM collections WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL`, h.id.UUID(), collection).
			QueryRow(func(row pgx.Row) error {
				var id uuid.UUID
				return missing(row.Scan(&id), "collection %s does not exist", collection)
			})
		b.Queue(`SELECT `+documentColumns+` FROM documents d WHERE d.tenant_id = $1 AND d.collection_id = (
				SELECT id FROM collections WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL)
			AND d.id > $3 AND ($4 = '' OR d.status = $4) ORDER BY d.id LIMIT $5`,
			h.id.UUID(), collection, q.Page.After, string(q.Status), q.Page.Limit+1).Query(func(rows pgx.Rows) error {
			var err error
			list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Document, error) {
				doc := store.Document{Collection: collection}
				return doc, row.Scan(scanDocument(&doc)...)
			})
			return err
		})
	})
	return listing(list, q.Page.Limit, func(d store.Document) string { return d.ID }), err
}
