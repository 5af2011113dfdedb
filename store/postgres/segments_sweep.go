package postgres

import (
	"context"

	"lindero/store/queue"
)

// SweepMerges asks for a look at every collection with many segments or many deleted chunks, of all tenants: one whose
// segments are from before a change of the policy, or whose job was lost. It returns how many it found; some may be
// content.
func (s *Store) SweepMerges(ctx context.Context) (int, error) {
	return sweep[queue.MergeSegments](ctx, s, `SELECT tenant_id, collection_id FROM due_merges($1, $2)`, fewSegments, deadShare)
}
