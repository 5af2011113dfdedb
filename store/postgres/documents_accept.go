package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
)

// AcceptDocuments takes documents in, in one transaction: once it has returned, nothing of them is lost. The
// documents must have passed ingest.Validate. The answers are in the order of docs. Of documents with the same
// id the last counts; the earlier ones share its answer. Errors: fault.NotFound when the collection or the
// operation is gone, fault.Conflict when the operation takes no more documents or the collection's embedding
// profile has changed, fault.RateLimited when the tenant's queue has no room for all of docs.
func (h *Handle) AcceptDocuments(ctx context.Context, c store.Collection, docs []store.NewDocument, opts store.AcceptOptions) ([]store.Accepted, error) {
	if len(docs) == 0 {
		return nil, nil
	}
	in := newIntake(docs)
	undo, err := h.admit(ctx, int64(len(in.docs)), in.weight())
	if err != nil {
		return nil, err
	}
	err = h.write(ctx, func(tx pgx.Tx) error {
		if err := h.upsertDocuments(ctx, tx, c, in); err != nil {
			return err
		}
		if len(in.changed) == 0 && opts.Operation == uuid.Nil {
			return nil
		}
		return h.enqueueAccepted(ctx, tx, c, in, opts)
	})
	if err != nil {
		undo(int64(len(in.docs)), in.weight())
		return nil, err
	}
	undo(int64(len(in.docs)-len(in.changed)), in.weight()-in.enqueued)
	return in.answers(c.Name), nil
}

// upsertDocuments makes or renews the rows of documents. Rows whose content is the same as before come back
// by a second query; they are only locked.
func (h *Handle) upsertDocuments(ctx context.Context, tx pgx.Tx, c store.Collection, in *intake) error {
	batch := &pgx.Batch{}
	batch.Queue(byKey)
	// FOR SHARE makes a deletion of the collection wait, so that its purge sees these documents.
	batch.Queue(`SELECT provider = $3 AND model = $4 AND dimensions = $5 FROM collections
		WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR SHARE`,
		h.id.UUID(), c.ID, c.Embedding.Provider, c.Embedding.Model, c.Embedding.Dimensions).
		QueryRow(func(row pgx.Row) error {
			var same bool
			if err := row.Scan(&same); err != nil {
				return missing(err, "collection %s does not exist", c.Name)
			}
			if !same {
				return fault.New(fault.Conflict, "the embedding of collection %s has just been changed; try again", c.Name)
			}
			return nil
		})
	// Sorted by id, as every transaction locks documents, so that two never wait for each other.
	batch.Queue(`INSERT INTO documents AS d (tenant_id, collection_id, key, id, title, url, language, metadata,
			content_type, bytes, content_hash, pending_version, last_version, status)
		SELECT $1, $2, n.key, n.id, n.title, n.url, n.language, n.metadata, n.content_type, n.bytes, n.hash, 1, 1, 'pending'
		FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::text[], $10::bigint[], $11::bytea[])
			AS n (key, id, title, url, language, metadata, content_type, bytes, hash)
		ON CONFLICT (tenant_id, collection_id, id) DO UPDATE SET
			last_version = d.last_version + 1, pending_version = d.last_version + 1, status = 'pending',
			error_code = NULL, error_detail = NULL, content_hash = excluded.content_hash, updated_at = now(),
			title = CASE WHEN d.version = 0 THEN excluded.title ELSE d.title END,
			url = CASE WHEN d.version = 0 THEN excluded.url ELSE d.url END,
			language = CASE WHEN d.version = 0 THEN excluded.language ELSE d.language END,
			metadata = CASE WHEN d.version = 0 THEN excluded.metadata ELSE d.metadata END,
			content_type = CASE WHEN d.version = 0 THEN excluded.content_type ELSE d.content_type END,
			bytes = CASE WHEN d.version = 0 THEN excluded.bytes ELSE d.bytes END
		WHERE d.content_hash <> excluded.content_hash OR d.status = 'failed'
		RETURNING `+documentColumns+`, d.version`,
		h.id.UUID(), c.ID, in.keys, in.ids, in.titles, in.urls, in.languages, in.metadata, in.contentTypes, in.bytes, in.hashes).
		Query(in.readChanged)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	unchanged := in.unchanged()
	if len(unchanged) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT `+documentColumns+` FROM `+each("id", "$3::text[]")+` CROSS JOIN LATERAL (`+documentByID+`) d WHERE `+oneRow,
		h.id.UUID(), c.ID, unchanged)
	if err != nil {
		return err
	}
	return in.readUnchanged(rows)
}

// enqueueAccepted writes what the changed documents need to be worked off. The queue's job comes last: a
// unique insert holds the lock on the job's row until the commit.
func (h *Handle) enqueueAccepted(ctx context.Context, tx pgx.Tx, c store.Collection, in *intake, opts store.AcceptOptions) error {
	operation := opts.Operation
	if operation == uuid.Nil {
		operation = uuid.New()
	}
	counts := tally{}
	batch := &pgx.Batch{}
	h.queueSupersede(batch, c, in, counts)
	h.queueWork(batch, c, in, operation, opts.Class())
	h.queueOperation(batch, operation, opts)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	counts.add(operation, count{total: in.sent, done: in.sent - int64(len(in.changed))})
	if err := h.settle(ctx, tx, counts); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, `SELECT `+operationColumns+` FROM operations o WHERE tenant_id = $1 AND id = $2`,
		h.id.UUID(), operation).Scan(scanOperation(&in.operation)...); err != nil {
		return err
	}
	if len(in.changed) == 0 {
		return nil
	}
	return h.wakeDrain(ctx, tx, opts.Class())
}

// queueSupersede removes what older pending versions of the documents left: their work counts as done.
func (h *Handle) queueSupersede(batch *pgx.Batch, c store.Collection, in *intake, counts tally) {
	keys, versions, visible := in.replaced()
	if len(keys) == 0 {
		return
	}
	batch.Queue(deleteFound("work_items", each("key, version", "$3::uuid[]", "$4::bigint[]"), itemsOfDocument,
		` AND x.version < k.version RETURNING t.operation_id`), h.id.UUID(), c.ID, keys, versions).Query(counts.readDone)
	batch.Queue(deleteFound("document_payloads", each("key, version, visible", "$3::uuid[]", "$4::bigint[]", "$5::bigint[]"),
		payloadsOfDocument, ` AND x.version < k.version AND x.version <> k.visible`), h.id.UUID(), c.ID, keys, versions, visible)
}

func (h *Handle) queueWork(batch *pgx.Batch, c store.Collection, in *intake, operation uuid.UUID, class store.Class) {
	if len(in.changed) == 0 {
		return
	}
	p := in.payloads()
	for _, size := range p.sizes {
		in.enqueued += size
	}
	batch.Queue(`INSERT INTO document_payloads (tenant_id, collection_id, document_key, version, title, url, language,
			metadata, content_type, body, split, vectors, parts)
		SELECT $1, $2, n.* FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
			$9::text[], $10::bytea[], $11::boolean[], $12::bytea[], $13::bytea[]) AS n`,
		h.id.UUID(), c.ID, p.keys, p.versions, p.titles, p.urls, p.languages, p.metadata, p.contentTypes, p.bodies, p.splits, p.vectors, p.parts)
	batch.Queue(`INSERT INTO work_items (tenant_id, collection_id, document_key, version, operation_id, priority, bytes)
		SELECT $1, $2, n.key, n.version, $6, $7, n.bytes FROM unnest($3::uuid[], $4::bigint[], $5::bigint[]) AS n (key, version, bytes)`,
		h.id.UUID(), c.ID, p.keys, p.versions, p.sizes, operation, class)
}

// queueOperation makes the call's own operation, or locks the given one and makes sure that it takes more.
func (h *Handle) queueOperation(batch *pgx.Batch, operation uuid.UUID, opts store.AcceptOptions) {
	if opts.Operation == uuid.Nil {
		batch.Queue(`INSERT INTO operations (tenant_id, id, kind, status) VALUES ($1, $2, $3, 'queued')`,
			h.id.UUID(), operation, kindIngest)
		return
	}
	batch.Queue(`SELECT accepting FROM operations WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, h.id.UUID(), operation).
		QueryRow(func(row pgx.Row) error {
			var accepting bool
			if err := row.Scan(&accepting); err != nil {
				return missing(err, "operation %s does not exist", operation)
			}
			if !accepting {
				return fault.New(fault.Conflict, "operation %s has ended and takes no more documents", operation)
			}
			return nil
		})
}
