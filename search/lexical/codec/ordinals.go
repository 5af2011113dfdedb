package codec

import "slices"

// Ordinals is a set of ordinals as a slice in ascending order without repetitions. Postings come in that
// order too, so that membership is a walk along both.
type Ordinals []int64

// NewOrdinals makes a set of ordinals in any order; it may sort and keep the slice given.
func NewOrdinals(ordinals []int64) Ordinals {
	if !slices.IsSorted(ordinals) {
		slices.Sort(ordinals)
	}
	return slices.Compact(ordinals)
}

// Without removes the postings of the set from postings, which are in ascending order, in place.
func (o Ordinals) Without(postings []Posting) []Posting { return o.choose(postings, false) }

// Only removes the postings outside the set from postings, which are in ascending order, in place.
func (o Ordinals) Only(postings []Posting) []Posting { return o.choose(postings, true) }

func (o Ordinals) choose(postings []Posting, members bool) []Posting {
	if len(o) == 0 && !members {
		return postings
	}
	kept := postings[:0]
	rest := o
	for _, p := range postings {
		rest = rest.from(p.Ordinal)
		if (len(rest) > 0 && rest[0] == p.Ordinal) == members {
			kept = append(kept, p)
		}
	}
	return kept
}

// from returns the part of the set at or above ordinal, looking ahead in doubling steps: a walk costs
// little whichever side is the longer one.
func (o Ordinals) from(ordinal int64) Ordinals {
	step := 1
	for step < len(o) && o[step] < ordinal {
		step *= 2
	}
	low := step / 2
	i, _ := slices.BinarySearch(o[low:min(step+1, len(o))], ordinal)
	return o[low+i:]
}
