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
func (o Ordinals) Without(postings []Posting) []Posting {
	if len(o) == 0 {
		return postings
	}
	kept, rest := postings[:0], o
	for _, p := range postings {
		if rest = rest.From(p.Ordinal); len(rest) == 0 || rest[0] != p.Ordinal {
			kept = append(kept, p)
		}
	}
	return kept
}

// AppendOnly appends to dst those of postings, which are in ascending order, that are of the set.
func (o Ordinals) AppendOnly(dst, postings []Posting) []Posting {
	o.eachIn(postings, func(p Posting) { dst = append(dst, p) })
	return dst
}

// CountIn counts the postings of the set in postings, which are in ascending order.
func (o Ordinals) CountIn(postings []Posting) (n int) {
	o.eachIn(postings, func(Posting) { n++ })
	return n
}

// eachIn leaps along both sides, so that it costs little whichever is the shorter one.
func (o Ordinals) eachIn(postings []Posting, do func(Posting)) {
	for len(postings) > 0 {
		if o = o.From(postings[0].Ordinal); len(o) == 0 {
			return
		}
		if at := Seek(postings, o[0]); at > 0 {
			postings = postings[at:]
			continue
		}
		do(postings[0])
		postings = postings[1:]
	}
}

// From returns the part of the set at or above ordinal, looking ahead in doubling steps: a walk costs
// little whichever side is the longer one.
func (o Ordinals) From(ordinal int64) Ordinals {
	if len(o) == 0 || o[0] >= ordinal {
		return o
	}
	step := 1
	for step < len(o) && o[step] < ordinal {
		step *= 2
	}
	low := step / 2
	i, _ := slices.BinarySearch(o[low:min(step+1, len(o))], ordinal)
	return o[low+i:]
}

// Seek returns the position of the first of postings, which are in ascending order, at or above ordinal. It looks ahead
// in doubling steps: near ones are found fast.
func Seek(postings []Posting, ordinal int64) int {
	low, high, step := 0, 0, 1
	for high < len(postings) && postings[high].Ordinal < ordinal {
		low = high + 1
		high += step
		step *= 2
	}
	high = min(high, len(postings))
	for low < high { // those below low are below ordinal, those from high on are not
		middle := int(uint(low+high) / 2)
		if postings[middle].Ordinal < ordinal {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
