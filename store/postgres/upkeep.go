package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store/queue"
)

// considerUpkeep asks for what the collection's size and segments call for, in the transaction that changed them, as its
// last step.
func (h *Handle) considerUpkeep(ctx context.Context, tx pgx.Tx, at place) error {
	var segments []int64 // their sizes
	var deleted int64
	var moving bool
	err := tx.QueryRow(ctx, `SELECT ARRAY(SELECT s.chunks::bigint FROM lexical_segments s WHERE s.tenant_id = $1 AND s.collection_id = $2),
		(SELECT count(*) FROM lexical_deleted d WHERE d.tenant_id = $1 AND d.collection_id = $2),
		EXISTS (SELECT FROM collection_placements p
			WHERE p.tenant_id = $1 AND p.collection_id = $2 AND (p.state <> 'settled' OR p.due_since IS NOT NULL OR p.forced IS NOT NULL)
				AND p.step_at > now() - interval '1 hour')`, h.id.UUID(), at.collection).Scan(&segments, &deleted, &moving)
	if err != nil {
		return err
	}
	if !moving {
		chunks := -deleted
		for _, size := range segments {
			chunks += size
		}
		if err := h.considerPlacement(ctx, tx, at, chunks); err != nil {
			return err
		}
	}
	return h.considerMerge(ctx, tx, at.collection, segments, deleted)
}

// considerMerge asks for a merge when segments of such sizes, with so many chunks deleted, call for one, in the
// transaction that changed them. It comes last: a unique insert holds the lock on the job's row until the commit.
func (h *Handle) considerMerge(ctx context.Context, tx pgx.Tx, collection uuid.UUID, sizes []int64, deleted int64) error {
	s := segmentation{segments: make([]segmentRow, len(sizes)), dead: deleted}
	for i, chunks := range sizes {
		s.segments[i].Chunks = chunks
	}
	if !s.due() {
		return nil
	}
	job := queue.MergeSegments{TenantID: h.id.UUID(), CollectionID: collection}
	return h.enqueue(ctx, tx, job, queue.Merges, mergePriority, h.store.mergeQuiet)
}

// mergePriority is that of all merges: they come in the order in which they are due.
const mergePriority = 1
