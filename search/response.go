package search

import (
	"encoding/json"

	"lindero/store"
)

// Response is the answer to a search as the HTTP contract has it, without the request's id.
type Response struct {
	Results  []Result  `json:"results"`
	TookMS   float64   `json:"took_ms"`
	Usage    Usage     `json:"usage"`
	Warnings []Warning `json:"warnings,omitempty"`
	Explain  *Explain  `json:"explain,omitempty"`
}

// Result is one hit.
type Result struct {
	DocumentID string          `json:"document_id"`
	ChunkID    string          `json:"chunk_id"`
	Collection string          `json:"collection"`
	Score      float64         `json:"score"`
	Scores     Scores          `json:"scores"`
	Text       *string         `json:"text,omitempty"`
	Title      string          `json:"title"`
	URL        string          `json:"url"`
	Metadata   json.RawMessage `json:"metadata,omitempty"` // of the document, overlaid with the chunk's own
	Highlights []Highlight     `json:"highlights,omitempty"`
	Position   store.Position  `json:"position"`
	Vector     []float32       `json:"vector,omitempty"`
}

// Scores are what each leg said of a hit; a leg that did not find it is missing.
type Scores struct {
	Semantic *float64 `json:"semantic,omitempty"`
	Lexical  *float64 `json:"lexical,omitempty"`
}

// Highlight is a matched word: bytes of the result's text, end exclusive.
type Highlight struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Usage is what the search cost.
type Usage struct {
	EmbeddingTokens int `json:"embedding_tokens"`
}

// Warning says in what way an answer is less than was asked for.
type Warning struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Explain reports how the answer came about.
type Explain struct {
	Mode       string       `json:"mode"` // after falling back, where that was necessary
	Legs       []ExplainLeg `json:"legs"`
	Weights    *Weights     `json:"weights,omitempty"` // of the fusion
	MMR        *ExplainMMR  `json:"mmr,omitempty"`
	RoundTrips int          `json:"round_trips"` // of the last attempt
	Attempts   int          `json:"attempts"`    // more than one when a description was out of date
	EmbedMS    float64      `json:"embed_ms"`
	RetrieveMS float64      `json:"retrieve_ms"`
	RankMS     float64      `json:"rank_ms"`
	HydrateMS  float64      `json:"hydrate_ms"`
}

// Weights say how much each leg counted in the fusion.
type Weights struct {
	Lexical  float64 `json:"lexical"`
	Semantic float64 `json:"semantic"`
}

// ExplainLeg is one leg on one collection.
type ExplainLeg struct {
	Collection string        `json:"collection"`
	Kind       string        `json:"kind"` // semantic or lexical
	Candidates int           `json:"candidates"`
	Matches    int           `json:"matches,omitempty"` // lexical: chunks with at least one term
	Terms      []ExplainTerm `json:"terms,omitempty"`
}

// ExplainTerm is one term of the query as the index has it.
type ExplainTerm struct {
	Term   string `json:"term"`
	Chunks int    `json:"chunks"` // that contain it
}
