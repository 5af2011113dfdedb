package postgres

import (
	"cmp"
	"math/bits"
	"slices"
)

// The merge policy; docs/decisions/0012-merging-when-quiet.md holds the measurements behind it.
const (
	// fewSegments are left alone, whatever their sizes: a query reads a row of each for every term.
	fewSegments = 3
	// mergeRatio bounds how often a posting is rewritten: a segment is merged with smaller ones only when it has at most
	// so many times the chunks that they have together.
	mergeRatio = 3
	// cheapMerge is how many chunks may be merged whatever the ratio: they cost less than the bookkeeping.
	cheapMerge = 100
	// While documents come in, segments of about a size are merged when there are so many. Sizes count as about the same
	// within a power of thirty-two.
	tierSegments = 32
	tierBits     = 5
	// A merge takes in at most so many segments and chunks, but a single segment whatever its size: it is one
	// transaction, whose snapshot holds vacuum up.
	mergedAtOnce = 64
	maxMerged    = 200_000
	// One in so many chunks deleted: all is rewritten. While documents come in, that waits for one in deadLoading.
	deadShare   = 4
	deadLoading = 2
)

// segmentRow is one row of lexical_segments.
type segmentRow struct {
	ID        int64
	Chunks    int64
	Tokens    int64
	Languages []string
}

// segmentation is what merging goes by.
type segmentation struct {
	segments []segmentRow
	dead     int64 // chunks deleted from them, whose postings are still there
	loading  bool  // documents are coming in, so that the same segments would soon be merged again
}

// merge picks the segments to be merged next; nil: none. Merging its choices until there are none comes to an end.
func (s segmentation) merge() []segmentRow {
	if group := s.mostlyDead(); group != nil {
		return group
	}
	bySize := slices.SortedFunc(slices.Values(s.segments), func(a, b segmentRow) int {
		return cmp.Or(cmp.Compare(a.Chunks, b.Chunks), cmp.Compare(a.ID, b.ID))
	})
	if s.loading {
		return fullTier(bySize)
	}
	if len(bySize) <= fewSegments {
		return nil
	}
	return worthMerging(bySize)
}

// due reports whether something is to be merged once no documents come in.
func (s segmentation) due() bool {
	s.loading = false
	return s.merge() != nil
}

// mostlyDead are the oldest segments when too much is deleted. What they become is the youngest, so that where one merge
// cannot take all the next takes others, until each has lost its dead postings.
func (s segmentation) mostlyDead() []segmentRow {
	share, total := int64(deadShare), int64(0)
	if s.loading {
		share = deadLoading
	}
	for _, segment := range s.segments {
		total += segment.Chunks
	}
	if s.dead == 0 || s.dead*share < total {
		return nil
	}
	byAge := slices.SortedFunc(slices.Values(s.segments), func(a, b segmentRow) int { return cmp.Compare(a.ID, b.ID) })
	return byAge[:mergeable(byAge)]
}

// worthMerging are as many of the smallest segments as the largest of them is worth rewriting for; nil: none. What is left
// when there are none has sizes that fall by more than mergeRatio from each segment to the rest.
func worthMerging(bySize []segmentRow) (group []segmentRow) {
	smaller := int64(0)
	for i, segment := range bySize[:mergeable(bySize)] {
		if i > 0 && (segment.Chunks <= mergeRatio*smaller || smaller+segment.Chunks <= cheapMerge) {
			group = bySize[:i+1]
		}
		smaller += segment.Chunks
	}
	return group
}

// fullTier is the tier of the smallest segments that is full; nil: none is.
func fullTier(bySize []segmentRow) []segmentRow {
	for len(bySize) > 0 {
		n := 1
		for n < len(bySize) && tier(bySize[n]) == tier(bySize[0]) {
			n++
		}
		if group := bySize[:n]; n >= tierSegments && mergeable(group) >= tierSegments {
			return group[:mergeable(group)]
		}
		bySize = bySize[n:]
	}
	return nil
}

func tier(s segmentRow) int { return bits.Len64(uint64(s.Chunks)) / tierBits }

// mergeable is how many of the segments, from the first on, one merge may take in; at least one, if there is any.
func mergeable(segments []segmentRow) int {
	chunks := int64(0)
	for i, s := range segments {
		if chunks += s.Chunks; i == mergedAtOnce || (i > 0 && chunks > maxMerged) {
			return i
		}
	}
	return len(segments)
}
