package postgres

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lindero/search/lexical/codec"
	"lindero/store/queue"
)

const (
	// mergePatience is how long other work puts off what waits for quiet, see loading.
	mergePatience = time.Minute
	// mergeTurn is after what time collections that wait have their turn, and mergePause how long it takes to come back.
	mergeTurn      = 3 * time.Second
	mergePause     = 10 * time.Millisecond
	maxMergeRepeat = 5
)

// MergeSegments merges the collection's small segments and drops the postings of deleted chunks, until the policy is
// content, or until others should have their turn. It changes no score: a marker goes in the transaction that removes its
// postings. Readers are never blocked; of several mergers of one collection one works. again, when it is positive, is when to
// call it again: documents are coming in, or there is more to do.
func (h *Handle) MergeSegments(ctx context.Context, collection uuid.UUID) (again time.Duration, err error) {
	if h.id.IsZero() {
		return 0, errNoTenant
	}
	for began, repeats := time.Now(), 0; ; {
		s, err := h.segmentation(ctx, collection)
		switch {
		case err != nil || !s.due():
			return 0, err
		case s.merge() == nil:
			return h.store.mergeQuiet, nil
		case time.Since(began) > mergeTurn:
			return mergePause, nil
		}
		merged, err := h.mergeOnce(ctx, collection, s.loading)
		var pg *pgconn.PgError
		switch {
		case errors.As(err, &pg) && pg.Code == "40001" && repeats < maxMergeRepeat:
			repeats++ // a merge elsewhere, or the purge of the collection, was faster
		case err != nil:
			return 0, translate(err)
		case !merged:
			return h.store.mergeQuiet, nil // another is at it
		}
	}
}

// MergeDue comes after the job that merges was completed in the same transaction, which holds the lock on the job's row:
// whoever asks for a merge either committed before, and is seen here, or waits and then finds no running job. It reports
// true when there is something to merge: the caller then rolls back and goes on. The transaction must be bound to no other
// tenant.
func (h *Handle) MergeDue(ctx context.Context, tx pgx.Tx, collection uuid.UUID) (due bool, err error) {
	if h.id.IsZero() {
		return false, errNoTenant
	}
	var s segmentation
	batch := &pgx.Batch{}
	batch.Queue(bindTenant, h.id.String())
	h.queueSegmentation(batch, collection, &s)
	err = translate(tx.SendBatch(ctx, batch).Close())
	return err == nil && s.due(), err
}

// segmentation reads what merging goes by; nothing of a collection that is deleted.
func (h *Handle) segmentation(ctx context.Context, collection uuid.UUID) (s segmentation, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		h.queueSegmentation(b, collection, &s)
		b.Queue(loading, h.id.UUID(), collection, h.store.mergeQuiet.Seconds(), mergePatience.Seconds(), queue.Single).
			QueryRow(func(row pgx.Row) error { return row.Scan(&s.loading) })
	})
	return s, err
}

// loading: something of the collection was published a moment ago; or it was a while ago, and more of the collection is
// waiting, or bulk of anybody is being worked on, from which a merge would take a processor.
const loading = `SELECT coalesce(l.since < $3::float8 OR l.since < $4::float8 AND (
		EXISTS (SELECT FROM work_items w WHERE w.tenant_id = $1 AND w.collection_id = $2 AND w.run_at <= now())
		OR EXISTS (SELECT FROM river.river_job j WHERE j.state = 'running' AND j.kind = 'drain' AND j.queue <> $5)), false)
	FROM (SELECT extract(epoch FROM now() - max(s.created_at))::float8 AS since FROM lexical_segments s
		WHERE s.tenant_id = $1 AND s.collection_id = $2 AND NOT s.merged) l`

func (h *Handle) queueSegmentation(batch *pgx.Batch, collection uuid.UUID, s *segmentation) {
	batch.Queue(`SELECT s.segment_id, s.chunks, s.tokens, s.languages FROM lexical_segments s
		WHERE s.tenant_id = $1 AND s.collection_id = $2 AND EXISTS (
			SELECT FROM collections c WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL)`,
		h.id.UUID(), collection).Query(func(rows pgx.Rows) (err error) {
		s.segments, err = pgx.CollectRows(rows, pgx.RowToStructByPos[segmentRow])
		return err
	})
	// A chunk without terms is in no posting. Its marker stays until all segments are merged.
	batch.Queue(`SELECT count(*) FROM lexical_deleted WHERE tenant_id = $1 AND collection_id = $2 AND tokens > 0`,
		h.id.UUID(), collection).QueryRow(func(row pgx.Row) error { return row.Scan(&s.dead) })
}

// mergeOnce makes one merge; false when there is none to make, or another is making one.
func (h *Handle) mergeOnce(ctx context.Context, collection uuid.UUID, loading bool) (merged bool, err error) {
	_, segmentID, err := h.takeOrdinals(ctx, collection, 0)
	if err != nil {
		return false, err
	}
	began := time.Now()
	m := &merger{handle: h, collection: collection, segmentID: segmentID, seen: map[int64]bool{}}
	begin := "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT set_config('app.tenant_id', '" + h.id.String() + "', true)"
	err = pgx.BeginTxFunc(ctx, h.store.pool, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error {
		m.tx = tx
		merged, err = m.run(ctx, loading)
		return err
	})
	if err != nil || !merged {
		return false, err
	}
	m.observe(began)
	return true, nil
}

// merger is one merge in its transaction, whose snapshot decides which deletions it may carry out.
type merger struct {
	handle     *Handle
	tx         pgx.Tx
	collection uuid.UUID
	segmentID  int64
	rewritten  int64 // chunks
	deleted    codec.Ordinals
	tokens     map[int64]int64 // of the deleted chunks
	seen       map[int64]bool  // deleted chunks that the merged segments held
}

func (m *merger) run(ctx context.Context, loading bool) (bool, error) {
	var alone bool
	if err := m.tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, m.lockKey()).Scan(&alone); err != nil || !alone {
		return false, err
	}
	s := segmentation{loading: loading}
	batch := &pgx.Batch{}
	m.handle.queueSegmentation(batch, m.collection, &s)
	if err := m.tx.SendBatch(ctx, batch).Close(); err != nil {
		return false, err
	}
	group := s.merge()
	if group == nil {
		return false, nil
	}
	if err := m.readDeleted(ctx); err != nil {
		return false, err
	}
	ids := make([]int64, len(group))
	for i, segment := range group {
		ids[i] = segment.ID
	}
	if err := m.rewritePostings(ctx, ids); err != nil {
		return false, err
	}
	return true, m.replaceSegments(ctx, group, ids, len(group) == len(s.segments))
}

// lockKey stands for tenant and collection among advisory locks; two that share one merely wait for each other.
func (m *merger) lockKey() int64 {
	sum := fnv.New64a()
	tenant := m.handle.id.UUID()
	_, _ = sum.Write(tenant[:])
	_, _ = sum.Write(m.collection[:])
	return int64(sum.Sum64())
}
