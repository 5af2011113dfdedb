package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// CollectionSpec is what a caller may say of a collection; zero fields are left to the server.
type CollectionSpec struct {
	Description string          `json:"description,omitempty"`
	Language    string          `json:"language,omitempty"` // auto, or ISO 639-1 such as es
	Embedding   *Embedding      `json:"embedding,omitempty"`
	Chunking    *Chunking       `json:"chunking,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"` // JSON object
}

// Embedding says what makes a collection's vectors.
type Embedding struct {
	Provider   string `json:"provider"` // builtin, openai or external
	Model      string `json:"model,omitempty"`
	Dimensions int    `json:"dimensions,omitempty"` // 1 to 4000
}

// Chunking says how documents become chunks.
type Chunking struct {
	Strategy      string `json:"strategy"` // structure, fixed or none
	MaxTokens     int    `json:"max_tokens,omitempty"`
	OverlapTokens int    `json:"overlap_tokens,omitempty"`
}

// Collection is a tenant's named index.
type Collection struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Language    string          `json:"language"`
	Embedding   Embedding       `json:"embedding"`
	Chunking    Chunking        `json:"chunking"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Stats       struct {
		Documents int64 `json:"documents"`
		Chunks    int64 `json:"chunks"`
		Bytes     int64 `json:"bytes"`
	} `json:"stats"`
	Index struct {
		Kind string `json:"kind"` // exact, hnsw or pinecone
	} `json:"index"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func collectionPath(name string) string { return "/v1/collections/" + url.PathEscape(name) }

// PutCollection creates a collection or changes one.
func (c *Client) PutCollection(ctx context.Context, name string, spec CollectionSpec) (Collection, error) {
	var out Collection
	request, err := jsonCall(http.MethodPut, collectionPath(name), spec)
	if err != nil {
		return out, err
	}
	return out, c.do(ctx, request, &out)
}

// Collection returns one collection.
func (c *Client) Collection(ctx context.Context, name string) (Collection, error) {
	var out Collection
	return out, c.do(ctx, call{method: http.MethodGet, path: collectionPath(name)}, &out)
}

// Collections goes through all collections by name.
func (c *Client) Collections(ctx context.Context) iter.Seq2[Collection, error] {
	return list[Collection](ctx, c, "/v1/collections", nil)
}

// DeleteCollection removes a collection with all its documents.
func (c *Client) DeleteCollection(ctx context.Context, name string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: collectionPath(name)}, nil)
}
