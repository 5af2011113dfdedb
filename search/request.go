package search

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"lindero/embed"
	"lindero/fault"
	"lindero/store"
	"lindero/store/filter"
)

// Modes of a search.
const (
	Hybrid   = "hybrid"   // vector and lexical leg, fused by rank
	Semantic = "semantic" // cosine similarity
	Lexical  = "lexical"  // BM25
)

// Bounds of a request.
const (
	maxQuery       = 32 << 10 // bytes
	maxTopK        = 1000
	maxDepth       = 10_000 // offset + top_k
	maxCollections = 32
	defaultTopK    = 10
)

// Request is a search as the HTTP contract has it.
type Request struct {
	Query       string          `json:"query,omitempty"`
	Vector      []float32       `json:"vector,omitempty"`
	Collections []string        `json:"collections,omitempty"`
	TopK        *int            `json:"top_k,omitempty"`
	Mode        string          `json:"mode,omitempty"`
	Filter      json.RawMessage `json:"filter,omitempty"`
	MinScore    *float64        `json:"min_score,omitempty"`
	GroupBy     string          `json:"group_by,omitempty"`
	Rerank      json.RawMessage `json:"rerank,omitempty"`
	MMR         *MMR            `json:"mmr,omitempty"`
	Exact       bool            `json:"exact,omitempty"`
	Include     []string        `json:"include,omitempty"`
	Offset      int             `json:"offset,omitempty"`
	Explain     bool            `json:"explain,omitempty"`
}

// question is a valid request with its defaults filled in.
type question struct {
	query       string // empty: none
	vector      []float32
	collections []string
	topK        int
	offset      int
	mode        string
	filter      filter.Expr
	minScore    float64
	mmr         *float64 // lambda; nil: as they rank
	byDocument  bool
	exact       bool
	efSearch    int // how wide indexes are searched; 0: as their collections say
	include     map[string]bool
	explain     bool
}

// depth is how many results are needed counted from the best.
func (q *question) depth() int { return q.offset + q.topK }

// parse validates a request. Every error is fault.Invalid and names the field.
func parse(r *Request) (*question, error) {
	q := &question{
		query: strings.TrimSpace(r.Query), collections: unique(r.Collections), topK: defaultTopK, offset: r.Offset,
		mode: r.Mode, minScore: math.Inf(-1), byDocument: r.GroupBy == "document", exact: r.Exact,
		explain: r.Explain, include: map[string]bool{"text": true, "metadata": true},
	}
	if len(q.collections) == 0 {
		q.collections = []string{"default"}
	}
	if q.mode == "" {
		q.mode = Hybrid
	}
	if r.TopK != nil {
		q.topK = *r.TopK
	}
	if r.MinScore != nil {
		q.minScore = *r.MinScore
	}
	for _, check := range []func(*Request) error{q.checkText, q.checkVector, q.checkNumbers, q.checkNames, q.checkInclude, q.checkMMR} {
		if err := check(r); err != nil {
			return nil, err
		}
	}
	var err error
	q.filter, err = filter.Parse("body.filter", r.Filter)
	return q, err
}

func (q *question) checkText(r *Request) error {
	switch {
	case len(r.Query) > maxQuery:
		return fault.InvalidField("body.query", nil, "has %d bytes; at most %d are searched for", len(r.Query), maxQuery)
	case !utf8.ValidString(r.Query):
		return fault.InvalidField("body.query", nil, "is not valid UTF-8")
	case q.query == "" && len(r.Vector) == 0:
		return fault.InvalidField("body.query", nil, "give a query, a vector or both")
	case q.query == "" && q.mode == Lexical:
		return fault.InvalidField("body.query", nil, "a lexical search needs a query")
	}
	return nil
}

func (q *question) checkVector(r *Request) error {
	if r.Vector == nil {
		return nil
	}
	if len(r.Vector) > store.MaxDimensions {
		return fault.InvalidField("body.vector", nil, "has %d components; a vector has at most %d", len(r.Vector), store.MaxDimensions)
	}
	q.vector = slices.Clone(r.Vector)
	if err := embed.Normalize(q.vector); err != nil {
		return fault.InvalidField("body.vector", nil, "%s", err)
	}
	return nil
}

func (q *question) checkNumbers(r *Request) error {
	switch {
	case q.topK < 1 || q.topK > maxTopK:
		return fault.InvalidField("body.top_k", q.topK, "must be from 1 to %d", maxTopK)
	case q.offset < 0 || q.depth() > maxDepth:
		return fault.InvalidField("body.offset", q.offset, "must be from 0 to %d, top_k included", maxDepth)
	case r.MinScore != nil && math.IsNaN(*r.MinScore):
		return fault.InvalidField("body.min_score", nil, "must be a number")
	}
	return nil
}

func (q *question) checkNames(r *Request) error {
	if len(q.collections) > maxCollections {
		return fault.InvalidField("body.collections", nil, "names more than %d collections", maxCollections)
	}
	for _, name := range q.collections {
		if err := store.ValidateCollectionName("body.collections", name); err != nil {
			return err
		}
	}
	switch {
	case q.mode != Hybrid && q.mode != Semantic && q.mode != Lexical:
		return fault.InvalidField("body.mode", r.Mode, "must be hybrid, semantic or lexical")
	case r.GroupBy != "" && !q.byDocument:
		return fault.InvalidField("body.group_by", r.GroupBy, "must be document")
	case given(r.Rerank):
		return fault.InvalidField("body.rerank", nil, "this deployment has no reranker; leave it out, or rerank what is found yourself")
	}
	return nil
}

func given(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && string(raw) != "null"
}

func (q *question) checkInclude(r *Request) error {
	if r.Include == nil {
		return nil
	}
	q.include = map[string]bool{}
	for _, name := range r.Include {
		if !slices.Contains([]string{"text", "metadata", "highlights", "vector"}, name) {
			return fault.InvalidField("body.include", name, "may hold text, metadata, highlights and vector")
		}
		q.include[name] = true
	}
	return nil
}

func unique(names []string) []string {
	var once []string
	for _, name := range names {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}
