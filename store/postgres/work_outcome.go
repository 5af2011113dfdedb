package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// RetryWork counts a failed try of items, gives them back and lets them rest for a while.
func (h *Handle) RetryWork(ctx context.Context, collection uuid.UUID, items []store.WorkItem, after time.Duration) error {
	keys, versions := itemColumns(items)
	return h.read(ctx, func(b *pgx.Batch) { // an implicit transaction
		b.Queue(byKey)
		b.Queue(updateFound("work_items", `attempts = attempts + 1, run_at = now() + make_interval(secs => $5), lane = NULL, worker = NULL`,
			each("key, version", "$3::uuid[]", "$4::bigint[]"), itemsOfDocument, ` AND x.version = k.version`),
			h.id.UUID(), collection, keys, versions, after.Seconds())
	})
}

// MarkProcessing shows pending documents as being worked on.
func (h *Handle) MarkProcessing(ctx context.Context, collection uuid.UUID, items []store.WorkItem) error {
	// Claimed by age; locked by id, as every transaction does, for this one runs beside the batch's own publication.
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b store.WorkItem) int { return strings.Compare(a.DocumentID, b.DocumentID) })
	keys, versions := itemColumns(items)
	return h.write(ctx, func(tx pgx.Tx) error {
		if _, err := h.fence(ctx, tx, collection, keys, versions); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, updateFound("documents", `status = 'processing'`, each("key, version", "$3::uuid[]", "$4::bigint[]"),
			documentByKey, ` AND x.pending_version = k.version AND x.status = 'pending'`), h.id.UUID(), collection, keys, versions)
		return err
	})
}

// FailWork sets items aside with their errors: the documents fail, an older visible version of them stays.
func (h *Handle) FailWork(ctx context.Context, collection uuid.UUID, failures []store.Failure) error {
	failures = slices.Clone(failures)
	slices.SortFunc(failures, func(a, b store.Failure) int { return strings.Compare(a.Item.DocumentID, b.Item.DocumentID) })
	items := make([]store.WorkItem, len(failures))
	byItem := make(map[uuid.UUID]store.Failure, len(failures))
	codes, details := make([]string, len(failures)), make([]string, len(failures))
	for i, f := range failures {
		items[i], codes[i], details[i], byItem[f.Item.Key] = f.Item, f.Code, f.Detail, f
	}
	keys, versions := itemColumns(items)
	return h.write(ctx, func(tx pgx.Tx) error {
		valid, err := h.fence(ctx, tx, collection, keys, versions)
		if err != nil {
			return err
		}
		counts := tally{}
		var errors operationErrorColumns
		batch := &pgx.Batch{}
		batch.Queue(updateFound("documents", `status = 'failed', error_code = k.code, error_detail = k.detail,
				pending_version = NULL, updated_at = now()`,
			each("key, version, code, detail", "$3::uuid[]", "$4::bigint[]", "$5::text[]", "$6::text[]"),
			documentByKey, ` AND x.pending_version = k.version`),
			h.id.UUID(), collection, keys, versions, codes, details)
		h.queueItemsGone(batch, collection, keys, versions, func(operation, key uuid.UUID) {
			if _, ok := valid[key]; !ok {
				counts.add(operation, count{done: 1})
				return
			}
			counts.add(operation, count{done: 1, failed: 1})
			errors.add(operation, collection, byItem[key])
		})
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		if err := errors.insert(ctx, tx, h.id.UUID()); err != nil {
			return err
		}
		return h.settle(ctx, tx, counts)
	})
}

// DropWork forgets items whose collection is going away; they count as done.
func (h *Handle) DropWork(ctx context.Context, collection uuid.UUID, items []store.WorkItem) error {
	keys, versions := itemColumns(items)
	return h.write(ctx, func(tx pgx.Tx) error {
		counts := tally{}
		batch := &pgx.Batch{}
		h.queueItemsGone(batch, collection, keys, versions, func(operation, _ uuid.UUID) { counts.add(operation, count{done: 1}) })
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		return h.settle(ctx, tx, counts)
	})
}

// fence locks the documents in the given order, which must be that of their ids, and returns those whose
// pending version is still the given one, with the version that is visible.
func (h *Handle) fence(ctx context.Context, tx pgx.Tx, collection uuid.UUID, keys []uuid.UUID, versions []int64) (map[uuid.UUID]int64, error) {
	valid := make(map[uuid.UUID]int64, len(keys))
	batch := &pgx.Batch{}
	batch.Queue(byKey)
	batch.Queue(`SELECT d.key, d.version FROM `+each("key, version", "$3::uuid[]", "$4::bigint[]")+` CROSS JOIN LATERAL (
			SELECT key, version, pending_version FROM documents
			WHERE tenant_id = $1 AND collection_id = $2 AND key >= k.key AND key <= k.key ORDER BY key FOR UPDATE OFFSET 0) d
		WHERE d.pending_version = k.version AND `+oneRow, h.id.UUID(), collection, keys, versions).Query(func(rows pgx.Rows) error {
		var key uuid.UUID
		var visible int64
		_, err := pgx.ForEachRow(rows, []any{&key, &visible}, func() error {
			valid[key] = visible
			return nil
		})
		return err
	})
	return valid, tx.SendBatch(ctx, batch).Close()
}

// queueItemsGone removes items and reports each one that was still there.
func (h *Handle) queueItemsGone(batch *pgx.Batch, collection uuid.UUID, keys []uuid.UUID, versions []int64, gone func(operation, key uuid.UUID)) {
	batch.Queue(byKey)
	batch.Queue(deleteFound("work_items", each("key, version", "$3::uuid[]", "$4::bigint[]"), itemsOfDocument,
		` AND x.version = k.version RETURNING t.operation_id, t.document_key`), h.id.UUID(), collection, keys, versions).Query(func(rows pgx.Rows) error {
		var operation, key uuid.UUID
		_, err := pgx.ForEachRow(rows, []any{&operation, &key}, func() error {
			gone(operation, key)
			return nil
		})
		return err
	})
}

// itemColumns are the keys and versions of items.
func itemColumns(items []store.WorkItem) (keys []uuid.UUID, versions []int64) {
	keys, versions = make([]uuid.UUID, len(items)), make([]int64, len(items))
	for i, item := range items {
		keys[i], versions[i] = item.Key, item.Version
	}
	return keys, versions
}

// operationErrorColumns are rows of operation_errors.
type operationErrorColumns struct {
	operations               []uuid.UUID
	collections              []uuid.UUID
	documents, codes, detail []string
}

func (c *operationErrorColumns) add(operation, collection uuid.UUID, f store.Failure) {
	c.collections = append(c.collections, collection)
	c.operations = append(c.operations, operation)
	c.documents = append(c.documents, f.Item.DocumentID)
	c.codes = append(c.codes, f.Code)
	c.detail = append(c.detail, f.Detail)
}

func (c *operationErrorColumns) insert(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	if len(c.operations) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO operation_errors (tenant_id, operation_id, document_id, code, detail, collection_id)
		SELECT $1, n.* FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[]) AS n
		ON CONFLICT (tenant_id, operation_id, document_id) DO UPDATE SET code = excluded.code, detail = excluded.detail,
			collection_id = excluded.collection_id`,
		tenant, c.operations, c.documents, c.codes, c.detail, c.collections)
	return err
}
