package postgres

import (
	"time"

	"lindero/store"
)

// PlacementPolicy says which collections get a slot of their own with an approximate index. The sizes are in
// chunks; docs/decisions/0006-placement-threshold.md holds the measurements behind the defaults.
type PlacementPolicy struct {
	PromoteAt int64 // a collection of this size gets its own slot; 0: 1,500
	DemoteAt  int64 // an indexed one that is smaller goes back, below PromoteAt; 0: half of PromoteAt
	MaxSlots  int   // own slots in the database; 0: 300
	// IndexMemory bounds what one index build may use, in KiB; a build that needs more is slower. 0: 1 GiB.
	IndexMemory int64
	// Quiet is how long after the last publication a promotion begins, within reason: an index is built faster at once
	// than row by row, and a stream of documents comes in bursts. 0: five seconds.
	Quiet time.Duration
}

func (p PlacementPolicy) withDefaults() PlacementPolicy {
	if p.PromoteAt <= 0 {
		p.PromoteAt = 1500
	}
	if p.DemoteAt <= 0 || p.DemoteAt >= p.PromoteAt {
		p.DemoteAt = p.PromoteAt / 2
	}
	if p.MaxSlots <= 0 {
		p.MaxSlots = 300
	}
	if p.IndexMemory <= 0 {
		p.IndexMemory = 1 << 20
	}
	if p.Quiet <= 0 {
		p.Quiet = 5 * time.Second
	}
	return p
}

// wantsIndex is the rule: large collections have an index, and one that has it keeps it until it is clearly too small.
// Where an index outside the database serves the searches, another would be of no use.
func (p PlacementPolicy) wantsIndex(at place, chunks int64) bool {
	if at.indexed() {
		return false
	}
	if at.slot >= store.FirstOwnSlot {
		return chunks >= p.DemoteAt
	}
	return chunks >= p.PromoteAt
}

// buildMemory is what building an index over the chunks takes, in KiB: the vectors, their neighbours (32 at the
// lowest level) and the allocator's share.
func (p PlacementPolicy) buildMemory(chunks int64, dimensions int) int64 {
	perChunk := int64(2*dimensions + 800)
	return min(max(chunks*perChunk/1024*5/4, 32<<10), p.IndexMemory)
}

// defaultEfSearch is how wide an index over so many chunks is searched until its recall has been measured: wide enough
// for real embeddings, of which 9,746 need 64 for .99 (docs/decisions/0014).
func defaultEfSearch(chunks int64) int {
	switch {
	case chunks <= 100_000:
		return 64
	case chunks <= 1_000_000:
		return 120
	}
	return 200
}
