package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// SearchRequest is a search. Query or Vector is required; zero fields take the contract's defaults.
type SearchRequest struct {
	Query       string          `json:"query,omitempty"`
	Vector      []float32       `json:"vector,omitempty"`
	Collections []string        `json:"collections,omitempty"`
	TopK        int             `json:"top_k,omitempty"`
	Offset      int             `json:"offset,omitempty"`
	Mode        string          `json:"mode,omitempty"`   // hybrid, semantic or lexical
	Filter      json.RawMessage `json:"filter,omitempty"` // JSON object
	MinScore    *float64        `json:"min_score,omitempty"`
	GroupBy     string          `json:"group_by,omitempty"` // document
	MMR         *MMR            `json:"mmr,omitempty"`
	Exact       bool            `json:"exact,omitempty"`
	Include     []string        `json:"include,omitempty"` // text, metadata, highlights, vector
	Explain     bool            `json:"explain,omitempty"`
}

// MMR asks for diverse results: lambda 1 ranks by relevance alone, 0 by difference alone.
type MMR struct {
	Lambda float64 `json:"lambda"`
}

// SearchResponse is the answer to a search.
type SearchResponse struct {
	Results   []Hit           `json:"results"`
	TookMS    float64         `json:"took_ms"`
	Usage     json.RawMessage `json:"usage,omitempty"`
	Warnings  []Warning       `json:"warnings,omitempty"`
	Explain   json.RawMessage `json:"explain,omitempty"`
	RequestID string          `json:"request_id"`
}

// Hit is one search result, in descending Score.
type Hit struct {
	DocumentID string         `json:"document_id"`
	ChunkID    string         `json:"chunk_id"`
	Collection string         `json:"collection"`
	Score      float64        `json:"score"`
	Scores     Scores         `json:"scores"`
	Text       string         `json:"text,omitempty"`
	Title      string         `json:"title"`
	URL        string         `json:"url"`
	Metadata   map[string]any `json:"metadata,omitempty"`
	Highlights []Highlight    `json:"highlights,omitempty"`
	Position   Position       `json:"position"`
	Vector     []float32      `json:"vector,omitempty"`
}

// Scores are the legs' own scores; nil where a leg did not propose the hit.
type Scores struct {
	Semantic *float64 `json:"semantic,omitempty"`
	Lexical  *float64 `json:"lexical,omitempty"`
	Rerank   *float64 `json:"rerank,omitempty"`
}

// Highlight is a part of a hit's text, in bytes, that matches the query.
type Highlight struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Warning says what the server did otherwise than asked.
type Warning struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Search ranks the passages of the tenant's collections.
func (c *Client) Search(ctx context.Context, search SearchRequest) (SearchResponse, error) {
	var out SearchResponse
	request, err := jsonCall(http.MethodPost, "/v1/search", search)
	if err != nil {
		return out, err
	}
	return out, c.do(ctx, request, &out)
}
