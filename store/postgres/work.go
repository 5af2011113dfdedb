package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// BeginTurn tells which classes of work the turn may take, none when it may not work at all, and frees what an
// earlier turn of the same lane left claimed. What another process left was in hand when that process died:
// it counts one more death, and from the second on rests a while, so that others go first.
func (h *Handle) BeginTurn(ctx context.Context, turn store.Turn) (classes []store.Class, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(selectPlacement, h.id.UUID()).Query(readClasses(turn, &classes))
		// Singles are found by the index; a bulk lane looks through all of the tenant's items, once a turn.
		b.Queue(`UPDATE work_items SET lane = NULL, worker = NULL,
				deaths = deaths + (worker <> $3)::int,
				run_at = CASE WHEN worker <> $3 AND deaths > 0 THEN now() + make_interval(secs => 2 ^ least(deaths - 1, 6)) ELSE run_at END
			WHERE tenant_id = $1 AND lane = $2 AND ($4 OR priority = 0)`,
			h.id.UUID(), turn.Lane, turn.Worker, turn.Lane >= 0)
	})
	return classes, err
}

// TurnClasses tells which classes of work the turn may still take: limits and placement change meanwhile.
func (h *Handle) TurnClasses(ctx context.Context, turn store.Turn) (classes []store.Class, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(selectPlacement, h.id.UUID()).Query(readClasses(turn, &classes))
	})
	return classes, err
}

// streamSilence is after how long without documents a request that still sends is not waited for.
const streamSilence = time.Second

// Gathers reports whether more bulk is about to come: a request is sending documents, some are due already, from on,
// but not as many as one batch takes. It does not while a single document is due.
func (h *Handle) Gathers(ctx context.Context, from int, batch store.WorkLimit) (more bool, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT i.items >= $2 AND i.items < $3 AND i.bytes < $4
				AND NOT EXISTS (SELECT FROM work_items WHERE tenant_id = $1 AND priority = 0 AND run_at <= now() AND lane IS NULL)
				AND EXISTS (SELECT FROM (SELECT accepting, active_at FROM operations WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT 4) o
					WHERE o.accepting AND o.active_at > now() - make_interval(secs => $5))
			FROM (SELECT count(*) AS items, coalesce(sum(bytes), 0) AS bytes FROM (SELECT bytes FROM work_items
				WHERE tenant_id = $1 AND priority = 1 AND run_at <= now() AND lane IS NULL LIMIT $3) due) i`,
			h.id.UUID(), from, batch.Items, batch.Bytes, streamSilence.Seconds()).
			QueryRow(func(row pgx.Row) error { return row.Scan(&more) })
	})
	return more, err
}

// claim takes due items in the order of priority and age. A batch is of one collection, class and number of
// deaths, and the smaller the more often the process died at its items, down to single ones. What is left of those that
// are locked for a smaller batch is free again at the commit.
const claim = `WITH due AS MATERIALIZED (
		SELECT ctid AS place, collection_id, document_key, run_at, priority, deaths, bytes FROM work_items
		WHERE tenant_id = $1 AND priority = ANY ($2) AND run_at <= now() AND lane IS NULL
		ORDER BY priority, run_at LIMIT $3 FOR UPDATE SKIP LOCKED),
	batch AS (
		SELECT *, row_number() OVER w AS n, sum(bytes) OVER w AS sum FROM due
		WHERE (collection_id, priority, deaths) = (SELECT collection_id, priority, deaths FROM due ORDER BY priority, run_at LIMIT 1)
		WINDOW w AS (ORDER BY run_at, document_key ROWS UNBOUNDED PRECEDING))
	UPDATE work_items t SET lane = $5, worker = $6 FROM batch b
	WHERE t.ctid = b.place AND (b.n = 1 OR b.sum <= $4)
		AND b.n <= CASE b.deaths WHEN 0 THEN $3 WHEN 1 THEN $7::int ELSE 1 END
		AND b.n <= CASE WHEN EXISTS (SELECT FROM collections c WHERE c.tenant_id = $1 AND c.id = b.collection_id AND c.slot >= $9)
			THEN $8 ELSE $3 END
	RETURNING t.collection_id, t.document_key, t.version, t.operation_id, t.attempts, t.deaths, t.run_at, b.n`

// ClaimWork claims the next due items of the given classes for the turn and loads them: all of one collection,
// by priority, then by age. The claim is committed before anything is loaded. It lasts until the item is
// published, failed, retried, overtaken or released. No items means that none is due, or that other turns have
// them all.
func (h *Handle) ClaimWork(ctx context.Context, turn store.Turn, classes []store.Class, limit store.WorkLimit) (store.Work, error) {
	if limit.Indexed <= 0 {
		limit.Indexed = limit.Items
	}
	var claimed []claimedItem
	err := h.read(ctx, func(b *pgx.Batch) { // an implicit transaction
		b.Queue(byKey) // else, before statistics are there, all of a long queue is sorted for its first items
		b.Queue(claim, h.id.UUID(), classes, limit.Items, limit.Bytes, turn.Lane, turn.Worker, limit.Suspects, limit.Indexed, store.FirstOwnSlot).Query(func(rows pgx.Rows) error {
			var err error
			claimed, err = pgx.CollectRows(rows, scanClaimed)
			return err
		})
	})
	if err != nil || len(claimed) == 0 {
		return store.Work{}, err
	}
	slices.SortFunc(claimed, func(a, b claimedItem) int { return cmp.Compare(a.n, b.n) })
	work, err := h.loadWork(ctx, claimed)
	if err != nil {
		return work, err
	}
	if work.Collection.Slot >= store.FirstOwnSlot {
		limit.Items = min(limit.Items, limit.Indexed)
	}
	work.Full = len(claimed) >= limit.Items
	return work, nil
}

type claimedItem struct {
	collection uuid.UUID
	item       store.WorkItem
	n          int64
}

func scanClaimed(row pgx.CollectableRow) (claimedItem, error) {
	var c claimedItem
	err := row.Scan(&c.collection, &c.item.Key, &c.item.Version, &c.item.Operation, &c.item.Attempts, &c.item.Deaths, &c.item.Due, &c.n)
	return c, err
}

// loadWork reads the collection and the payloads of items. An item whose document or payload has gone
// meanwhile is left out; a newer version has overtaken it.
func (h *Handle) loadWork(ctx context.Context, claimed []claimedItem) (store.Work, error) {
	var work store.Work
	keys := make([]uuid.UUID, len(claimed))
	versions := make([]int64, len(claimed))
	items := make(map[uuid.UUID]store.WorkItem, len(claimed))
	for i, c := range claimed {
		keys[i], versions[i], items[c.item.Key] = c.item.Key, c.item.Version, c.item
	}
	collection := claimed[0].collection
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(byKey)
		b.Queue(`SELECT id, name, language, provider, model, dimensions, chunking, slot, backend, version, deleted_at IS NOT NULL
			FROM collections WHERE tenant_id = $1 AND id = $2`, h.id.UUID(), collection).QueryRow(func(row pgx.Row) error {
			c := &work.Collection
			return row.Scan(&c.ID, &c.Name, &c.Language, &c.Embedding.Provider, &c.Embedding.Model, &c.Embedding.Dimensions,
				&c.Chunking, &c.Slot, &c.Backend, &c.Version, &work.Deleted)
		})
		b.Queue(`SELECT d.key, d.id, p.title, p.url, p.language, p.metadata, p.content_type, p.body, p.split, p.vectors, p.parts
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
	var vectors, parts []byte
	if err := row.Scan(&key, &id, &p.Title, &p.URL, &p.Language, &p.Metadata, &p.ContentType, &p.Body, &split, &vectors, &parts); err != nil {
		return store.WorkItem{}, err
	}
	if split {
		parts, p.Body = p.Body, nil
	}
	if parts != nil {
		if err := json.Unmarshal(parts, &p.Parts); err != nil {
			return store.WorkItem{}, fmt.Errorf("the stored split cannot be read: %w", err)
		}
		store.UnpackVectors(p.Parts, vectors)
	}
	item := items[key]
	item.DocumentID, item.Payload = id, p
	return item, nil
}

// ReleaseWork gives back what the turn claimed and is not done with: a stop or an outage is no item's fault.
func (h *Handle) ReleaseWork(ctx context.Context, turn store.Turn, collection uuid.UUID, items []store.WorkItem) error {
	keys, versions := itemColumns(items)
	return h.read(ctx, func(b *pgx.Batch) { // an implicit transaction
		b.Queue(byKey)
		b.Queue(updateFound("work_items", `lane = NULL, worker = NULL`,
			each("key, version", "$3::uuid[]", "$4::bigint[]"), itemsOfDocument, ` AND x.version = k.version AND t.lane = $5 AND t.worker = $6`),
			h.id.UUID(), collection, keys, versions, turn.Lane, turn.Worker)
	})
}
