package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
	"lindero/store/queue"
)

// KeepVisible is how long an outbox entry outlives the moment its vector was seen in the index: longer than any
// search may take between asking the index and reading the database.
const KeepVisible = 2 * time.Minute

// changeOutbox notes changes ($3 ordinals, $4 dimensions, $5 deleted). An entry that is there already takes a new
// revision, so that an acknowledgement under way does not count for it.
const changeOutbox = `INSERT INTO vector_outbox (tenant_id, collection_id, ordinal, dimensions, deleted)
	SELECT $1, $2, n, $4, $5 FROM unnest($3::bigint[]) AS n ` + outboxAgain

const outboxAgain = `ON CONFLICT (tenant_id, collection_id, ordinal) DO UPDATE
	SET deleted = EXCLUDED.deleted, revision = vector_outbox.revision + 1, sent_at = NULL, position = NULL, visible_at = 'infinity'`

// queueOutbox notes what an index outside the database must be told of vectors written or deleted.
func (h *Handle) queueOutbox(batch *pgx.Batch, at place, ordinals []int64, deleted bool) {
	if at.indexed() && len(ordinals) > 0 {
		batch.Queue(changeOutbox, h.id.UUID(), at.collection, ordinals, at.dimensions, deleted)
	}
}

// queueOutboxOf notes all vectors of a document: what the index filters by has changed.
func (h *Handle) queueOutboxOf(batch *pgx.Batch, at place, document uuid.UUID) {
	if at.indexed() {
		batch.Queue(`INSERT INTO vector_outbox (tenant_id, collection_id, ordinal, dimensions, deleted)
			SELECT $1, $2, ordinal, $4, false FROM chunks WHERE tenant_id = $1 AND collection_id = $2 AND document_key = $3 `+outboxAgain,
			h.id.UUID(), at.collection, document, at.dimensions)
	}
}

// askSync has the outbox worked off after the commit.
func (h *Handle) askSync(ctx context.Context, tx pgx.Tx, at place) error {
	if !at.indexed() {
		return nil
	}
	_, err := h.store.jobs.InsertTx(ctx, tx, queue.SyncVectors{TenantID: h.id.UUID()}, nil)
	return err
}

// VectorsSent notes what the index has acknowledged, with each change's Position where the backend told one, and that
// reads have come that far where that was seen too.
// Deletions are done with; an entry that has changed since it was read is left as it is.
func (h *Handle) VectorsSent(ctx context.Context, changes []store.VectorChange) error {
	runs := runsOf(changes)
	return h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(byKey)
		if runs.deletions {
			batch.Queue(deleteFound("vector_outbox", eachRun, entriesOfRun, ` AND k.deleted`), runs.arguments(h.id)...)
		}
		batch.Queue(updateFound("vector_outbox", `sent_at = clock_timestamp(), position = k.position,
				visible_at = CASE WHEN k.visible THEN clock_timestamp() ELSE 'infinity' END`,
			eachRun, entriesOfRun, ` AND NOT k.deleted`), runs.arguments(h.id)...)
		return tx.SendBatch(ctx, batch).Close()
	})
}

// UnseenVectors returns acknowledged changes that no read has confirmed, oldest first, all of one dimension and
// without vectors.
func (h *Handle) UnseenVectors(ctx context.Context, limit int) (changes []store.VectorChange, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT collection_id, ordinal, dimensions, revision, position FROM vector_outbox
			WHERE tenant_id = $1 AND sent_at IS NOT NULL AND visible_at = 'infinity' AND NOT deleted
			ORDER BY dimensions, sent_at, collection_id, ordinal LIMIT $2`, h.id.UUID(), limit).Query(func(rows pgx.Rows) error {
			changes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c store.VectorChange, err error) {
				return c, row.Scan(&c.Collection, &c.Ordinal, &c.Dimensions, &c.Revision, &c.Position)
			})
			return err
		})
	})
	for i := range changes {
		if changes[i].Dimensions != changes[0].Dimensions {
			return changes[:i], err
		}
	}
	return changes, err
}

// VectorsVisible notes that a read of the index has seen the changes. Searches that ask it from now on find them
// there.
func (h *Handle) VectorsVisible(ctx context.Context, changes []store.VectorChange) error {
	runs := runsOf(changes)
	return h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(byKey)
		batch.Queue(updateFound("vector_outbox", `visible_at = clock_timestamp()`, eachRun, entriesOfRun,
			` AND NOT k.deleted AND t.sent_at IS NOT NULL`), runs.arguments(h.id)...)
		return tx.SendBatch(ctx, batch).Close()
	})
}

// ForgetVisible removes entries that no search can need any more, and reports how many it must leave for later.
func (h *Handle) ForgetVisible(ctx context.Context) (left int64, err error) {
	err = h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(`DELETE FROM vector_outbox WHERE tenant_id = $1 AND visible_at < now() - make_interval(secs => $2)`,
			h.id.UUID(), KeepVisible.Seconds())
		batch.Queue(`SELECT count(*) FROM vector_outbox WHERE tenant_id = $1 AND visible_at < 'infinity'`, h.id.UUID()).
			QueryRow(func(row pgx.Row) error { return row.Scan(&left) })
		return tx.SendBatch(ctx, batch).Close()
	})
	return left, err
}

// VectorsUnsettled reports whether the outbox holds anything to send or to confirm. It runs in the caller's
// transaction, which must be bound to no other tenant: it binds it.
func (h *Handle) VectorsUnsettled(ctx context.Context, tx pgx.Tx) (unsettled bool, err error) {
	if h.id.IsZero() {
		return false, errNoTenant
	}
	batch := &pgx.Batch{}
	batch.Queue(bindTenant, h.id.String())
	batch.Queue(`SELECT EXISTS (SELECT FROM vector_outbox WHERE tenant_id = $1 AND sent_at IS NULL)
		OR EXISTS (SELECT FROM vector_outbox WHERE tenant_id = $1 AND visible_at = 'infinity' AND NOT deleted)
		OR EXISTS (SELECT FROM collections c JOIN tenants t ON t.id = c.tenant_id
			WHERE c.tenant_id = $1 AND c.deleted_at IS NULL AND c.backend <> t.vectors)
		OR EXISTS (SELECT FROM tenants t JOIN vector_namespaces n ON n.tenant_id = t.id AND n.gone_at IS NULL WHERE t.id = $1 AND t.vectors = 'pgvector')`, h.id.UUID()).
		QueryRow(func(row pgx.Row) error { return row.Scan(&unsettled) })
	return unsettled, translate(tx.SendBatch(ctx, batch).Close())
}
