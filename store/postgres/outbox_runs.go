package postgres

import (
	"github.com/google/uuid"

	"lindero/store"
	"lindero/tenant"
)

// outboxRuns are entries of the outbox in runs of consecutive ordinals that share all else. Entries written together
// were sent together, so thousands of them are a handful of runs, each one range of the primary key.
type outboxRuns struct {
	collections []uuid.UUID
	lows, highs []int64 // ordinals, both included
	revisions   []int64
	deleted     []bool
	positions   []*int64
	visible     []bool
	deletions   bool // some run is deleted
}

// eachRun is k over the runs given from $2 on. entriesOfRun looks the entries of one up: no others, for every ordinal of
// a run is one of its entries, and those that changed since they were read have another revision.
var eachRun = each("collection_id, low, high, revision, deleted, position, visible",
	"$2::uuid[]", "$3::bigint[]", "$4::bigint[]", "$5::bigint[]", "$6::boolean[]", "$7::bigint[]", "$8::boolean[]")

const entriesOfRun = `SELECT ctid FROM vector_outbox WHERE tenant_id = $1 AND collection_id = k.collection_id
	AND ordinal >= k.low AND ordinal <= k.high AND revision = k.revision ORDER BY ordinal OFFSET 0`

// runsOf joins neighbouring changes.
func runsOf(changes []store.VectorChange) outboxRuns {
	var r outboxRuns
	for i := range changes {
		c := &changes[i]
		if i > 0 && continues(&changes[i-1], c) {
			r.highs[len(r.highs)-1] = c.Ordinal
			continue
		}
		r.collections, r.lows, r.highs = append(r.collections, c.Collection), append(r.lows, c.Ordinal), append(r.highs, c.Ordinal)
		r.revisions, r.deleted = append(r.revisions, c.Revision), append(r.deleted, c.Deleted)
		r.positions, r.visible = append(r.positions, c.Position), append(r.visible, c.Visible)
		r.deletions = r.deletions || c.Deleted
	}
	return r
}

// continues reports whether b is the next ordinal after a in the same state.
func continues(a, b *store.VectorChange) bool {
	samePosition := a.Position == b.Position || (a.Position != nil && b.Position != nil && *a.Position == *b.Position)
	return samePosition && b.Collection == a.Collection && b.Ordinal == a.Ordinal+1 && b.Revision == a.Revision &&
		b.Deleted == a.Deleted && b.Visible == a.Visible
}

// arguments are those of a statement over eachRun.
func (r *outboxRuns) arguments(id tenant.ID) []any {
	return []any{id.UUID(), r.collections, r.lows, r.highs, r.revisions, r.deleted, r.positions, r.visible}
}
