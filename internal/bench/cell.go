package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Kinds of search that are measured for each class of tenants.
const (
	kindVector  = "vector"
	kindLexical = "lexical"
	kindHybrid  = "hybrid"
)

// filters narrow vector searches to these parts of shares: 50 %, 1 %, 0.1 % and 0.01 % of the chunks.
var filters = []int{shares / 2, shares / 100, shares / 1000, shares / 10_000}

// cell is one line of the result: one kind of search on one class of tenants.
type cell struct {
	class   Class
	kind    string
	below   int // share that the filter lets through; shares: no filter
	queries []*query
	failed  error // what ended its measurement: a search that fails once is measured no further
}

// broken notes a failure of the cell; the run goes on with the others, unless all of it is over.
func (c *cell) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.failed = err
	return nil
}

// query is one search, ready to be sent.
type query struct {
	subject *subject
	vector  []float32
	body    []byte
	exact   []byte // the same with exact: true; nil where that makes no difference
	expect  int    // results there must be
	truth   *truth // nil for what is not ranked by vectors alone
}

// cellsOf prepares a class's searches, spread evenly over its tenants.
func (b *Bench) cellsOf(class Class, subjects []*subject) []*cell {
	vector := &cell{class: class, kind: kindVector, below: shares}
	lexical := &cell{class: class, kind: kindLexical, below: shares}
	hybrid := &cell{class: class, kind: kindHybrid, below: shares}
	cells := []*cell{vector, lexical, hybrid}
	for _, below := range filters {
		if class.Chunks*below >= shares {
			cells = append(cells, &cell{class: class, kind: kindVector, below: below})
		}
	}
	random := rand.New(rand.NewPCG(b.cfg.Seed, uint64(class.Chunks)))
	for i := range b.cfg.Queries {
		s := subjects[i%len(subjects)]
		v := b.vectors.query(s.number, i)
		text := termsOf(words(b.cfg.Seed, s.number, random.IntN(s.chunks), b.cfg.Words), random)
		for _, c := range cells {
			c.queries = append(c.queries, b.query(c, s, v, text))
		}
	}
	return cells
}

func (b *Bench) query(c *cell, s *subject, vector []float32, text string) *query {
	q := &query{subject: s, vector: vector, expect: min(b.cfg.TopK, matching(s.chunks, c.below))}
	head := fmt.Sprintf(`{"collections":["%s"],"top_k":%d`, collection, b.cfg.TopK)
	embedded := string(appendVector([]byte(`,"vector":`), vector))
	words, _ := json.Marshal(text) // a string always can be
	terms := `,"query":` + string(words)
	switch c.kind {
	case kindLexical:
		q.body = []byte(head + `,"mode":"lexical"` + terms + `}`)
		q.expect = 0 // how many chunks have one of the terms is the index's own knowledge
		return q
	case kindHybrid:
		q.body = []byte(head + `,"mode":"hybrid"` + terms + embedded + `}`)
		return q
	}
	head += `,"mode":"semantic"` + embedded
	if c.below < shares {
		head += `,"filter":{"share":{"$lt":` + strconv.Itoa(c.below) + `}}`
	}
	q.body, q.exact = []byte(head+`}`), []byte(head+`,"exact":true}`)
	q.truth = &truth{query: vector, below: c.below, k: q.expect}
	return q
}

// matching is how many of a tenant's chunks have a share below a bound.
func matching(chunks, below int) (n int) {
	for i := range chunks {
		if i*shares/chunks >= below {
			return i
		}
	}
	return chunks
}

// name of the cell for people.
func (c *cell) name() string {
	if c.below == shares {
		return c.kind
	}
	return fmt.Sprintf("%s, filter %g %%", c.kind, float64(c.below)*100/shares)
}
