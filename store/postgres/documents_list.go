package postgres

import (
	"context"
	"slices"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/store/filter"
)

// Documents lists a collection's documents by id. A filter sees what the list shows: of a document that is being
// replaced the published version, of one that waits for the first time what was sent.
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
	if q.Prefix != "" {
		statement += ` AND d.id >= ` + arguments.add(q.Prefix)
		if after := afterPrefix(q.Prefix); after != "" {
			statement += ` AND d.id < ` + arguments.add(after)
		}
	}
	statement += ` AND ` + compiled.listed(q.Filter) + ` ORDER BY d.id LIMIT ` + arguments.add(q.Page.Limit+1)
	return statement, arguments.values
}

// afterPrefix is the least text that is greater than all texts with the prefix, by code points, which is the order
// of bytes; empty when there is none. LIKE and starts_with are not leakproof, so under row-level security only a
// range is found by an index.
func afterPrefix(prefix string) string {
	runes := []rune(prefix)
	for last := len(runes) - 1; last >= 0; last-- {
		switch runes[last] {
		case unicode.MaxRune:
			continue
		case 0xD7FF: // the surrogates that follow are no characters
			runes[last] = 0xE000
		default:
			runes[last]++
		}
		return string(runes[:last+1])
	}
	return ""
}

// DocumentStates tells what is kept of the documents with these ids, by id. Ids of no document are left out.
func (h *Handle) DocumentStates(ctx context.Context, collection string, ids []string) ([]store.DocumentState, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	var states []store.DocumentState
	err := h.read(ctx, func(b *pgx.Batch) {
		h.queueCollectionCheck(b, collection)
		b.Queue(byKey)
		b.Queue(`SELECT x.id, x.content_hash, x.last_version, x.status, x.error_code, x.error_detail
			FROM (SELECT id FROM collections WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL) c
			CROSS JOIN `+each("id", "$3::text[]")+` CROSS JOIN LATERAL (
				SELECT id, content_hash, last_version, status, error_code, error_detail FROM documents
				WHERE tenant_id = $1 AND collection_id = c.id AND id >= k.id AND id <= k.id ORDER BY id OFFSET 0) x
			WHERE `+oneRow+` ORDER BY k.n`, h.id.UUID(), collection, ids).Query(func(rows pgx.Rows) error {
			var err error
			states, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.DocumentState, error) {
				var s store.DocumentState
				return s, row.Scan(&s.ID, &s.ContentHash, &s.Version, &s.Status, errorCode{&s.Error}, errorDetail{&s.Error})
			})
			return err
		})
	})
	return states, err
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
