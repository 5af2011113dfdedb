package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/store/filter"
)

// Documents lists a collection's documents by id. A filter on metadata sees what is indexed: a document
// matches once it has been published.
func (h *Handle) Documents(ctx context.Context, collection string, q store.DocumentQuery) (store.Listing[store.Document], error) {
	statement, args := h.matching(documentColumns, collection, q)
	var list []store.Document
	err := h.read(ctx, func(b *pgx.Batch) {
		h.queueCollectionCheck(b, collection)
		b.Queue(statement, args...).Query(func(rows pgx.Rows) error {
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

func (h *Handle) queueCollectionCheck(b *pgx.Batch, collection string) {
	b.Queue(`SELECT id FROM collections WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL`, h.id.UUID(), collection).
		QueryRow(func(row pgx.Row) error {
			var id uuid.UUID
			return missing(row.Scan(&id), "collection %s does not exist", collection)
		})
}

// matching is a statement over the documents of a query, one more than its page holds.
func (h *Handle) matching(columns, collection string, q store.DocumentQuery) (statement string, args []any) {
	arguments := &arguments{}
	tenant := arguments.add(h.id.UUID())
	id := `(SELECT id FROM collections WHERE tenant_id = ` + tenant + ` AND name = ` + arguments.add(collection) + ` AND deleted_at IS NULL)`
	compiled := filterSQL{args: arguments, tenant: tenant, collection: id}
	statement = `SELECT ` + columns + ` FROM documents d WHERE d.tenant_id = ` + tenant + ` AND d.collection_id = ` + id +
		` AND d.id > ` + arguments.add(q.Page.After)
	if q.Status != "" {
		statement += ` AND d.status = ` + arguments.add(string(q.Status))
	}
	statement += ` AND ` + compiled.condition(q.Filter) + ` ORDER BY d.id LIMIT ` + arguments.add(q.Page.Limit+1)
	return statement, arguments.values
}

// DeleteDocumentsWhere removes the documents that match and returns their number. It goes through them in
// several transactions; after an error the call can be repeated.
func (h *Handle) DeleteDocumentsWhere(ctx context.Context, collection string, f filter.Expr) (int64, error) {
	if f == nil {
		return 0, fault.InvalidField("body.filter", nil, "must not be empty: it would delete every document")
	}
	var deleted int64
	for page := (store.Page{Limit: deleteBatch}); ; {
		var ids []string
		statement, args := h.matching("d.id", collection, store.DocumentQuery{Filter: f, Page: page})
		err := h.read(ctx, func(b *pgx.Batch) {
			h.queueCollectionCheck(b, collection)
			b.Queue(statement, args...).Query(func(rows pgx.Rows) error {
				var err error
				ids, err = pgx.CollectRows(rows, pgx.RowTo[string])
				return err
			})
		})
		if err != nil || len(ids) == 0 {
			return deleted, err
		}
		n, err := h.DeleteDocuments(ctx, collection, ids)
		deleted += n
		if err != nil {
			return deleted, err
		}
		page.After = ids[len(ids)-1]
	}
}
