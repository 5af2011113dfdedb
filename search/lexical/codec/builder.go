package codec

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Segment is the lexical index of one batch of chunks.
type Segment struct {
	Chunks   int   // chunks added, those without a term included
	Tokens   int64 // the sum of their lengths in terms
	Postings []TermPostings
}

// TermPostings is one term's block in a segment.
type TermPostings struct {
	Term   string
	Chunks int // the number of postings in Block
	Block  []byte
}

// Builder collects chunks into a segment. The zero value is ready; it is not safe for concurrent use.
type Builder struct {
	terms  map[string]*list
	order  []*list
	last   int64
	chunks int
	tokens int64
}

// list is the block of one term in the making. The newest posting waits until its frequency is known.
type list struct {
	term     string
	body     []byte
	count    int
	previous int64
	pending  Posting
}

// Add puts in a chunk's terms, repetitions included; their number is the chunk's length. Ordinals must
// ascend from call to call. A chunk without terms counts in the statistics.
func (b *Builder) Add(ordinal int64, terms []string) error {
	if ordinal < 0 || ordinal > MaxOrdinal || (b.chunks > 0 && ordinal <= b.last) {
		return fmt.Errorf("chunk of ordinal %d after %d: out of order or range", ordinal, b.last)
	}
	if len(terms) > math.MaxUint32 {
		return fmt.Errorf("chunk of ordinal %d: %d terms", ordinal, len(terms))
	}
	if b.terms == nil {
		b.terms = map[string]*list{}
	}
	for _, term := range terms {
		l := b.terms[term]
		if l == nil {
			l = &list{term: term, previous: -1}
			b.terms[term] = l
			b.order = append(b.order, l)
		}
		if l.pending.Frequency > 0 && l.pending.Ordinal == ordinal {
			l.pending.Frequency++
			continue
		}
		l.flush()
		l.pending = Posting{Ordinal: ordinal, Frequency: 1, Length: uint32(len(terms))}
	}
	b.last = ordinal
	b.chunks++
	b.tokens += int64(len(terms))
	return nil
}

func (l *list) flush() {
	if l.pending.Frequency == 0 {
		return
	}
	l.body = appendPosting(l.body, l.pending, l.previous)
	l.previous = l.pending.Ordinal
	l.pending = Posting{}
	l.count++
}

// Build returns the segment of what was added, terms in ascending order of bytes, and empties the builder.
func (b *Builder) Build() Segment {
	segment := Segment{Chunks: b.chunks, Tokens: b.tokens, Postings: make([]TermPostings, 0, len(b.order))}
	slices.SortFunc(b.order, func(x, y *list) int { return cmp.Compare(x.term, y.term) })
	for _, l := range b.order {
		l.flush()
		segment.Postings = append(segment.Postings, TermPostings{Term: l.term, Chunks: l.count, Block: finish(l.body, l.count)})
	}
	*b = Builder{}
	return segment
}
