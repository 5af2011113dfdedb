package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
	"lindero/store/queue"
)

// KeepVisible is how long an outbox entry outlives the moment its vector was seen in the index: longer than any
// search may take between asking the index and reading the database.
const KeepVisible = 2 * time.Minute

// changeOutbox notes changes: runs of $4 ordinals from $3 on, of $5 dimensions, $6 deleted.
const changeOutbox = `INSERT INTO vector_outbox (tenant_id, collection_id, ordinal, run, dimensions, deleted)
	SELECT $1, $2, k.ordinal, k.run, $5, $6 FROM unnest($3::bigint[], $4::int[]) AS k (ordinal, run) ` + outboxAgain

// outboxAgain gives an entry that is there already a new revision, so that an acknowledgement under way does not count
// for it.
const outboxAgain = `ON CONFLICT (tenant_id, collection_id, ordinal, run) DO UPDATE
	SET deleted = EXCLUDED.deleted, revision = vector_outbox.revision + 1, sent_at = NULL, position = NULL, visible_at = 'infinity'`

// changeOutboxOf notes changes of the ordinals that a query returns, in runs; the placeholders are of tenant and
// collection, dimensions and whether they are deleted.
func changeOutboxOf(ordinals, dimensions, deleted string) string {
	return `INSERT INTO vector_outbox (tenant_id, collection_id, ordinal, run, dimensions, deleted)
		SELECT $1, $2, min(ordinal), count(*), ` + dimensions + `, ` + deleted + `
		FROM (SELECT ordinal, ordinal - row_number() OVER (ORDER BY ordinal) AS island FROM (` + ordinals + `) o) i
		GROUP BY island, ordinal / ` + strconv.Itoa(store.MaxRun) + ` ` + outboxAgain
}

// queueOutbox notes what an index outside the database must be told of vectors written or deleted.
func (h *Handle) queueOutbox(batch *pgx.Batch, at place, ordinals []int64, deleted bool) {
	if at.indexed() && len(ordinals) > 0 {
		firsts, runs := runsOf(ordinals)
		batch.Queue(changeOutbox, h.id.UUID(), at.collection, firsts, runs, at.dimensions, deleted)
	}
}

// queueOutboxOf notes all vectors of a document: what the index filters by has changed.
func (h *Handle) queueOutboxOf(batch *pgx.Batch, at place, document uuid.UUID) {
	if at.indexed() {
		batch.Queue(changeOutboxOf(`SELECT ordinal FROM chunks WHERE tenant_id = $1 AND collection_id = $2 AND document_key = $3`, `$4`, `false`),
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

// VectorsSent notes that the index has acknowledged what a reading found of the entries, with each one's Position where the
// backend told one, and that reads have come that far where that was seen too.
// Deletions are done with; an entry that has changed since it was read is left as it is.
func (h *Handle) VectorsSent(ctx context.Context, entries []store.VectorEntry) error {
	columns := columnsOf(entries)
	return h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(byKey)
		batch.Queue(deleteFound("vector_outbox", eachEntry, entryAsRead, ` AND k.deleted`), columns.arguments(h.id)...)
		batch.Queue(updateFound("vector_outbox", `revision = k.reading, sent_at = clock_timestamp(), position = k.position,
				visible_at = CASE WHEN k.visible THEN clock_timestamp() ELSE 'infinity' END`,
			eachEntry, entryAsRead, ` AND NOT k.deleted`), columns.arguments(h.id)...)
		return tx.SendBatch(ctx, batch).Close()
	})
}

// UnseenVectors returns acknowledged entries that no read has confirmed, all of one dimension, oldest first.
func (h *Handle) UnseenVectors(ctx context.Context, limit int) (entries []store.VectorEntry, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT collection_id, ordinal, run, dimensions, revision, position FROM vector_outbox
			WHERE tenant_id = $1 AND sent_at IS NOT NULL AND visible_at = 'infinity' AND NOT deleted
			ORDER BY dimensions, sent_at, collection_id, ordinal, run LIMIT $2`, h.id.UUID(), limit).Query(func(rows pgx.Rows) error {
			entries, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e store.VectorEntry, err error) {
				return e, row.Scan(&e.Collection, &e.First, &e.Run, &e.Dimensions, &e.Revision, &e.Position)
			})
			return err
		})
	})
	for i := range entries {
		if entries[i].Dimensions != entries[0].Dimensions {
			return entries[:i], err
		}
	}
	return entries, err
}

// VectorsOnRecord returns which ordinals of each entry are on record now.
func (h *Handle) VectorsOnRecord(ctx context.Context, entries []store.VectorEntry) (ordinals [][]int64, err error) {
	columns := columnsOf(entries)
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(byKey)
		b.Queue(`SELECT ARRAY(SELECT ordinal FROM chunks WHERE tenant_id = $1 AND collection_id = k.collection_id
				AND ordinal >= k.ordinal AND ordinal < k.ordinal + k.run ORDER BY ordinal)
			FROM unnest($2::uuid[], $3::bigint[], $4::int[]) WITH ORDINALITY AS k (collection_id, ordinal, run, n) ORDER BY k.n`,
			h.id.UUID(), columns.collections, columns.firsts, columns.runs).Query(func(rows pgx.Rows) error {
			ordinals, err = pgx.CollectRows(rows, pgx.RowTo[[]int64])
			return err
		})
	})
	return ordinals, err
}

// VectorsVisible notes that a read of the index has seen what was told of the entries. Searches that ask it from now on
// find it there.
func (h *Handle) VectorsVisible(ctx context.Context, entries []store.VectorEntry) error {
	columns := columnsOf(entries)
	return h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(byKey)
		batch.Queue(updateFound("vector_outbox", `visible_at = clock_timestamp()`, eachEntry, entryAsRead,
			` AND NOT k.deleted AND t.sent_at IS NOT NULL`), columns.arguments(h.id)...)
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
