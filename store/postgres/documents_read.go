package postgres

import (
	"context"
	"errors"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
)

// byKey keeps the planner on the intended indexes for the rest of the transaction: writes look rows up by key,
// and without fresh statistics it would rather scan whole tables, or another index and sort (lookup.go).
const byKey = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
	set_config('enable_mergejoin', 'off', true), set_config('enable_sort', 'off', true)`

// documentColumns are what scanDocument reads, from documents d. The version is the newest accepted one: the
// one that the status is about.
const documentColumns = `d.key, d.id, d.title, d.url, d.language, d.metadata, d.content_type, d.bytes, d.content_hash, d.last_version,
	d.status, d.error_code, d.error_detail, d.chunks, d.created_at, d.updated_at, d.indexed_at`

func scanDocument(d *store.Document) []any {
	return []any{&d.Key, &d.ID, &d.Title, &d.URL, &d.Language, &d.Metadata, &d.ContentType, &d.Bytes, &d.ContentHash, &d.Version,
		&d.Status, errorCode{&d.Error}, errorDetail{&d.Error}, &d.Chunks, &d.CreatedAt, &d.UpdatedAt, &d.IndexedAt}
}

// errorCode and errorDetail fill a document's error from two columns that are null together.
type errorCode struct{ into **store.DocumentError }

type errorDetail struct{ into **store.DocumentError }

// Scan implements sql.Scanner.
func (e errorCode) Scan(value any) error {
	if code, ok := value.(string); ok {
		*e.into = &store.DocumentError{Code: code}
	}
	return nil
}

// Scan implements sql.Scanner.
func (e errorDetail) Scan(value any) error {
	if detail, ok := value.(string); ok && *e.into != nil {
		(*e.into).Detail = detail
	}
	return nil
}

// missing turns an empty result into a not-found error that names what was looked for.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, format, args...)
	}
	return err
}

// inCollection finds a document by the collection's name ($2) and its id ($3).
const inCollection = ` FROM collections c JOIN documents d ON d.tenant_id = c.tenant_id AND d.collection_id = c.id
	WHERE c.tenant_id = $1 AND c.name = $2 AND c.deleted_at IS NULL AND d.tenant_id = $1 AND d.id = $3`

func noDocument(err error, collection, id string) error {
	return missing(err, "document %q does not exist in collection %s", id, collection)
}

// Document returns one document.
func (h *Handle) Document(ctx context.Context, collection, id string) (store.Document, error) {
	doc := store.Document{Collection: collection}
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT `+documentColumns+inCollection, h.id.UUID(), collection, id).QueryRow(func(row pgx.Row) error {
			return noDocument(row.Scan(scanDocument(&doc)...), collection, id)
		})
	})
	return doc, err
}

// Chunks lists the passages of a document's visible version by position. A document without one has none.
func (h *Handle) Chunks(ctx context.Context, collection, id string, page store.Page) (store.Listing[store.Chunk], error) {
	after := int64(-1)
	if page.After != "" {
		n, err := strconv.ParseInt(page.After, 10, 32)
		if err != nil {
			return store.Listing[store.Chunk]{}, fault.InvalidField("query.cursor", nil, "is not a cursor of this list")
		}
		after = n
	}
	var list []store.Chunk
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT d.key`+inCollection, h.id.UUID(), collection, id).QueryRow(func(row pgx.Row) error {
			var key uuid.UUID
			return noDocument(row.Scan(&key), collection, id)
		})
		b.Queue(`SELECT k.chunk_id, k.ordinal, k.text, k.context, k.position, k.start_offset, k.end_offset, k.page, k.metadata
			FROM (SELECT d.collection_id, d.key`+inCollection+`) d JOIN chunks k
				ON k.tenant_id = $1 AND k.collection_id = d.collection_id AND k.document_key = d.key
			WHERE k.position > $4 ORDER BY k.position LIMIT $5`,
			h.id.UUID(), collection, id, after, page.Limit+1).Query(func(rows pgx.Rows) error {
			var err error
			list, err = pgx.CollectRows(rows, scanChunk)
			return err
		})
	})
	return listing(list, page.Limit, func(c store.Chunk) string { return strconv.Itoa(c.Position.Chunk) }), err
}

func scanChunk(row pgx.CollectableRow) (store.Chunk, error) {
	var c store.Chunk
	err := row.Scan(&c.ID, &c.Ordinal, &c.Text, &c.Context, &c.Position.Chunk, &c.Position.Start, &c.Position.End,
		&c.Position.Page, &c.Metadata)
	return c, err
}

// listing is a page made of up to limit+1 rows: the one too many tells that there is more.
func listing[T any](rows []T, limit int, key func(T) string) store.Listing[T] {
	if limit <= 0 || len(rows) <= limit {
		return store.Listing[T]{Items: rows}
	}
	return store.Listing[T]{Items: rows[:limit], Next: key(rows[limit-1])}
}

// Content returns what the caller sent as the visible version, or as the newest when none is visible. A
// caller's own split comes as a JSON array of {text, metadata}.
func (h *Handle) Content(ctx context.Context, collection, id string) (contentType string, body []byte, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT CASE WHEN p.split THEN 'application/json' ELSE p.content_type END, p.body
			FROM (SELECT d.collection_id, d.key, d.version`+inCollection+`) d JOIN document_payloads p
				ON p.tenant_id = $1 AND p.collection_id = d.collection_id AND p.document_key = d.key
			ORDER BY p.version = d.version DESC, p.version DESC LIMIT 1`, h.id.UUID(), collection, id).
			QueryRow(func(row pgx.Row) error { return noDocument(row.Scan(&contentType, &body), collection, id) })
	})
	return contentType, body, err
}
