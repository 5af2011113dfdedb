package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// NextWork returns the tenant's next due items, all of the collection that the first belongs to: by priority,
// then by age. Items of the documents in skip are left out; their batch is still under way. It takes nothing
// away: an item goes when it is published, failed or overtaken. No items means that none is due.
func (h *Handle) NextWork(ctx context.Context, limit store.WorkLimit, skip []uuid.UUID) (store.Work, error) {
	if skip == nil {
		skip = []uuid.UUID{} // nil would be NULL, which excludes every item
	}
	var due []dueItem
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(byKey)
		// The sizes of stored values are read without the values.
		b.Queue(`SELECT w.collection_id, w.document_key, w.version, w.operation_id, w.attempts, w.run_at,
				octet_length(p.body) + coalesce(octet_length(p.vectors), 0)
			FROM (SELECT * FROM work_items WHERE tenant_id = $1 AND run_at <= now() AND NOT document_key = ANY ($2)
				ORDER BY priority, run_at LIMIT $3) w
			LEFT JOIN document_payloads p ON p.tenant_id = $1 AND p.collection_id = w.collection_id
				AND p.document_key = w.document_key AND p.version = w.version
			ORDER BY w.priority, w.run_at`, h.id.UUID(), skip, limit.Items).Query(func(rows pgx.Rows) error {
			var err error
			due, err = pgx.CollectRows(rows, scanDue)
			return err
		})
	})
	if err != nil || len(due) == 0 {
		return store.Work{}, err
	}
	return h.loadWork(ctx, within(due, limit.Bytes))
}

type dueItem struct {
	collection uuid.UUID
	item       store.WorkItem
	bytes      *int64 // nil: no payload
}

func scanDue(row pgx.CollectableRow) (dueItem, error) {
	var d dueItem
	err := row.Scan(&d.collection, &d.item.Key, &d.item.Version, &d.item.Operation, &d.item.Attempts, &d.item.Due, &d.bytes)
	return d, err
}

// within keeps the items of the first one's collection, as many as fit into the bytes, and at least one.
func within(due []dueItem, limit int64) []dueItem {
	var kept []dueItem
	var sum int64
	for _, d := range due {
		if d.collection != due[0].collection {
			continue
		}
		if d.bytes != nil {
			sum += *d.bytes
		}
		if len(kept) > 0 && sum > limit {
			break
		}
		kept = append(kept, d)
	}
	return kept
}

// loadWork reads the collection and the payloads of items. An item whose document or payload has gone
// meanwhile is left out; a newer version has overtaken it.
func (h *Handle) loadWork(ctx context.Context, due []dueItem) (store.Work, error) {
	var work store.Work
	keys := make([]uuid.UUID, len(due))
	versions := make([]int64, len(due))
	items := make(map[uuid.UUID]store.WorkItem, len(due))
	for i, d := range due {
		keys[i], versions[i], items[d.item.Key] = d.item.Key, d.item.Version, d.item
	}
	collection := due[0].collection
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(byKey)
		b.Queue(`SELECT id, name, language, provider, model, dimensions, chunking, slot, backend, version, deleted_at IS NOT NULL
			FROM collections WHERE tenant_id = $1 AND id = $2`, h.id.UUID(), collection).QueryRow(func(row pgx.Row) error {
			c := &work.Collection
			return row.Scan(&c.ID, &c.Name, &c.Language, &c.Embedding.Provider, &c.Embedding.Model, &c.Embedding.Dimensions,
				&c.Chunking, &c.Slot, &c.Backend, &c.Version, &work.Deleted)
		})
		b.Queue(`SELECT d.key, d.id, p.title, p.url, p.language, p.metadata, p.content_type, p.body, p.split, p.vectors
			FROM `+each("key, version", "$3::uuid[]", "$4::bigint[]")+`
			CROSS JOIN LATERAL (`+documentByKey+`) d
			CROSS JOIN LATERAL (SELECT * FROM document_payloads
				WHERE tenant_id = $1 AND collection_id = $2 AND document_key = k.key AND version = k.version OFFSET 0) p
			WHERE `+oneRow+` ORDER BY k.n`,
			h.id.UUID(), collection, keys, versions).Query(func(rows pgx.Rows) error {
			var err error
			work.Items, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.WorkItem, error) { return scanWork(row, items) })
			return err
		})
	})
	return work, err
}

func scanWork(row pgx.CollectableRow, items map[uuid.UUID]store.WorkItem) (store.WorkItem, error) {
	var key uuid.UUID
	var id string
	var p store.Payload
	var split bool
	var vectors []byte
	if err := row.Scan(&key, &id, &p.Title, &p.URL, &p.Language, &p.Metadata, &p.ContentType, &p.Body, &split, &vectors); err != nil {
		return store.WorkItem{}, err
	}
	if split {
		if err := json.Unmarshal(p.Body, &p.Parts); err != nil {
			return store.WorkItem{}, fmt.Errorf("the stored split cannot be read: %w", err)
		}
		p.Body = nil
		store.UnpackVectors(p.Parts, vectors)
	}
	item := items[key]
	item.DocumentID, item.Payload = id, p
	return item, nil
}

// NextDue returns when the earliest item of the tenant may be worked on, nil when there is none. It runs in
// the caller's transaction, which must be bound to no other tenant: it binds it.
func (h *Handle) NextDue(ctx context.Context, tx pgx.Tx) (*time.Duration, error) {
	if h.id.IsZero() {
		return nil, errNoTenant
	}
	var seconds *float64
	batch := &pgx.Batch{}
	batch.Queue(bindTenant, h.id.String())
	batch.Queue(`SELECT extract(epoch FROM min(run_at) - now())::float8 FROM work_items WHERE tenant_id = $1`, h.id.UUID()).
		QueryRow(func(row pgx.Row) error { return row.Scan(&seconds) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil || seconds == nil {
		return nil, translate(err)
	}
	due := max(0, time.Duration(*seconds*float64(time.Second)))
	return &due, nil
}
