package bm25

import (
	"slices"

	"lindero/search/lexical/codec"
)

// Postings are one term's postings in one segment, ready to be scored. They never change and may be shared.
type Postings struct {
	list  []codec.Posting // in ascending order of ordinal
	peaks []peak
}

// peak is a frequency with the shortest length that comes with it, kept only where no other posting is both at least
// as frequent and at most as long: whatever the average length, one of the peaks has the term's greatest share.
type peak struct{ frequency, length uint32 }

// Decode reads a block. The error wraps codec.ErrCorrupt.
func Decode(block []byte) (*Postings, error) {
	list, err := codec.Decode(block, nil)
	if err != nil {
		return nil, err
	}
	return &Postings{list: list, peaks: peaksOf(list)}, nil
}

// exactPeaks is up to which frequency each has a peak of its own; higher ones share one that bounds them all.
const exactPeaks = 15

func peaksOf(list []codec.Posting) []peak {
	var shortest [exactPeaks + 1]uint32 // by frequency, less one; 0: there is none
	most := uint32(0)
	for i := range list {
		p := &list[i]
		at := min(p.Frequency, exactPeaks+1) - 1
		if shortest[at] == 0 || p.Length < shortest[at] {
			shortest[at] = p.Length
		}
		most = max(most, p.Frequency)
	}
	var peaks []peak
	for at := exactPeaks; at >= 0; at-- {
		if shortest[at] == 0 || (len(peaks) > 0 && peaks[len(peaks)-1].length <= shortest[at]) {
			continue
		}
		frequency := uint32(at + 1)
		if at == exactPeaks {
			frequency = most
		}
		peaks = append(peaks, peak{frequency, shortest[at]})
	}
	return slices.Clip(peaks)
}

// Len is the number of postings, those of deleted chunks included.
func (p *Postings) Len() int {
	if p == nil {
		return 0
	}
	return len(p.list)
}

// Size is about how many bytes of memory the postings take.
func (p *Postings) Size() int {
	if p == nil {
		return 0
	}
	const header, posting, peak = 64, 16, 8
	return header + posting*cap(p.list) + peak*cap(p.peaks)
}

// Frequency counts the live chunks that have a term, whose postings are given by segment.
func Frequency(postings []*Postings, deleted codec.Ordinals) int {
	live := 0
	for _, p := range postings {
		live += p.Len()
		if len(deleted) > 0 && p != nil {
			live -= deleted.CountIn(p.list)
		}
	}
	return live
}

// bound is at least what the term adds to the score of any chunk: each operation may round by half a unit in the last
// place, which slack covers amply.
func (p *Postings) bound(weight float64, n *norms) float64 {
	highest := 0.0
	for _, peak := range p.peaks {
		highest = max(highest, n.share(weight, peak.frequency, peak.length))
	}
	return highest * slack
}

// slack makes a bound of scores safe against rounding, of them and of their sums.
const slack = 1 + 1e-9
