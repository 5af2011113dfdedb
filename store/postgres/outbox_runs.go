package postgres

import (
	"slices"

	"github.com/google/uuid"

	"lindero/store"
	"lindero/tenant"
)

// runsOf joins ordinals to runs of consecutive ones.
func runsOf(ordinals []int64) (firsts []int64, runs []int32) {
	ordinals = slices.Compact(slices.Sorted(slices.Values(ordinals)))
	for _, n := range ordinals {
		if last := len(runs) - 1; last >= 0 && n == firsts[last]+int64(runs[last]) && runs[last] < store.MaxRun {
			runs[last]++
			continue
		}
		firsts, runs = append(firsts, n), append(runs, 1)
	}
	return firsts, runs
}

// entryColumns are entries of the outbox, column by column.
type entryColumns struct {
	collections []uuid.UUID
	firsts      []int64
	runs        []int32
	revisions   []int64
	deleted     []bool
	readings    []int64
	positions   []*int64
	visible     []bool
}

// eachEntry is k over the columns given from $2 on; entryAsRead looks the entry of one up, unless it has changed since.
var eachEntry = each("collection_id, ordinal, run, revision, deleted, reading, position, visible",
	"$2::uuid[]", "$3::bigint[]", "$4::int[]", "$5::bigint[]", "$6::boolean[]", "$7::bigint[]", "$8::bigint[]", "$9::boolean[]")

const entryAsRead = `SELECT ctid FROM vector_outbox WHERE tenant_id = $1 AND collection_id = k.collection_id
	AND ordinal = k.ordinal AND run >= k.run AND run <= k.run AND revision = k.revision ORDER BY run OFFSET 0`

func columnsOf(entries []store.VectorEntry) entryColumns {
	var c entryColumns
	for i := range entries {
		e := &entries[i]
		c.collections, c.firsts, c.runs = append(c.collections, e.Collection), append(c.firsts, e.First), append(c.runs, int32(e.Run))
		c.revisions, c.deleted = append(c.revisions, e.Revision), append(c.deleted, e.Deleted)
		c.readings, c.positions, c.visible = append(c.readings, e.Reading), append(c.positions, e.Position), append(c.visible, e.Visible)
	}
	return c
}

// arguments are those of a statement over eachEntry.
func (c *entryColumns) arguments(id tenant.ID) []any {
	return []any{id.UUID(), c.collections, c.firsts, c.runs, c.revisions, c.deleted, c.readings, c.positions, c.visible}
}
