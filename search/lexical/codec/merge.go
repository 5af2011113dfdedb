package codec

import (
	"cmp"
	"fmt"
	"slices"
)

// Merge joins the blocks of one term from several segments into one, without the deleted ordinals, and
// returns the number of postings left. Where none are left the block is nil. An ordinal in two blocks is
// an error: a chunk belongs to one segment.
func Merge(blocks [][]byte, deleted Ordinals) (block []byte, count int, err error) {
	var postings []Posting
	for _, b := range blocks {
		start := len(postings)
		if postings, err = Decode(b, postings); err != nil {
			return nil, 0, err
		}
		postings = append(postings[:start], deleted.Without(postings[start:])...)
	}
	if len(postings) == 0 {
		return nil, 0, nil
	}
	slices.SortFunc(postings, func(a, b Posting) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	for i := 1; i < len(postings); i++ {
		if postings[i].Ordinal == postings[i-1].Ordinal {
			return nil, 0, fmt.Errorf("%w: ordinal %d in two blocks of a term", ErrCorrupt, postings[i].Ordinal)
		}
	}
	block, err = Encode(postings)
	return block, len(postings), err
}
