package client

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// NewDocument is a document to be sent. Text, or Content with ContentType, or Chunks.
type NewDocument struct {
	ID          string         `json:"id,omitempty"` // in bulk only; otherwise in the path
	Title       string         `json:"title,omitempty"`
	Text        string         `json:"text,omitempty"`
	Content     []byte         `json:"content,omitempty"` // travels as base64
	ContentType string         `json:"content_type,omitempty"`
	URL         string         `json:"url,omitempty"`
	Language    string         `json:"language,omitempty"`
	Metadata    map[string]any `json:"metadata,omitempty"` // flat: string, number, boolean, array of strings
	Chunks      []NewChunk     `json:"chunks,omitempty"`
}

// NewChunk is one passage of the caller's own split.
type NewChunk struct {
	Text     string         `json:"text"`
	Vector   []float32      `json:"vector,omitempty"` // of the collection's dimension
	Metadata map[string]any `json:"metadata,omitempty"`
}

// Document is a document as the server keeps it.
type Document struct {
	ID          string         `json:"id"`
	Collection  string         `json:"collection"`
	Title       string         `json:"title"`
	URL         string         `json:"url"`
	Language    string         `json:"language"`
	Metadata    map[string]any `json:"metadata"`
	ContentType string         `json:"content_type"`
	Bytes       int64          `json:"bytes"`
	ContentHash string         `json:"content_hash"` // of everything that was sent; 128 hex digits
	Version     int64          `json:"version"`
	Status      string         `json:"status"` // pending, processing, indexed or failed
	Error       *Failure       `json:"error,omitempty"`
	Chunks      int            `json:"chunks"`
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
	IndexedAt   *time.Time     `json:"indexed_at,omitempty"`
}

// Failure says why a document could not be indexed.
type Failure struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Chunk is one passage of a document.
type Chunk struct {
	ChunkID  string         `json:"chunk_id"`
	Text     string         `json:"text"`
	Position Position       `json:"position"`
	Metadata map[string]any `json:"metadata"`
}

// Position says where in its document's text a passage lies.
type Position struct {
	Chunk int `json:"chunk"` // 0, 1, 2 …
	Start int `json:"start"` // bytes
	End   int `json:"end"`   // bytes, exclusive
	Page  int `json:"page,omitempty"`
}

// Patch changes what needs no new indexing; nil leaves a field as it is.
type Patch struct {
	Title    *string        `json:"title,omitempty"`
	URL      *string        `json:"url,omitempty"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

func documentPath(collection, id string) string {
	return collectionPath(collection) + "/documents/" + url.PathEscape(id)
}

// PatchDocument changes a document's title, url or metadata.
func (c *Client) PatchDocument(ctx context.Context, collection, id string, patch Patch) (Document, error) {
	var out Document
	request, err := jsonCall(http.MethodPatch, documentPath(collection, id), patch)
	if err != nil {
		return out, err
	}
	return out, c.do(ctx, request, &out)
}

// Document returns one document.
func (c *Client) Document(ctx context.Context, collection, id string) (Document, error) {
	var out Document
	return out, c.do(ctx, call{method: http.MethodGet, path: documentPath(collection, id)}, &out)
}

// DocumentQuery narrows a list of documents; zero fields do not.
type DocumentQuery struct {
	Status string
	Prefix string          // of the id
	Filter json.RawMessage // in the filter language of the contract
}

// Documents goes through a collection's documents.
func (c *Client) Documents(ctx context.Context, collection string, q DocumentQuery) iter.Seq2[Document, error] {
	query := url.Values{}
	if q.Status != "" {
		query.Set("status", q.Status)
	}
	if q.Prefix != "" {
		query.Set("prefix", q.Prefix)
	}
	if len(q.Filter) > 0 {
		query.Set("filter", string(q.Filter))
	}
	return list[Document](ctx, c, collectionPath(collection)+"/documents", query)
}

// DocumentState is what the server has under an id.
type DocumentState struct {
	ID          string   `json:"id"`
	ContentHash string   `json:"content_hash"` // as of Document
	Version     int64    `json:"version"`
	Status      string   `json:"status"`
	Error       *Failure `json:"error,omitempty"`
}

// MaxLookup is how many ids LookupDocuments takes.
const MaxLookup = 1000

// LookupDocuments tells what the server has under these ids, at most MaxLookup of them, by id. Ids of no document
// are left out.
func (c *Client) LookupDocuments(ctx context.Context, collection string, ids []string) ([]DocumentState, error) {
	request, err := jsonCall(http.MethodPost, collectionPath(collection)+"/documents/lookup", map[string]any{"ids": ids})
	if err != nil {
		return nil, err
	}
	var out struct {
		Data []DocumentState `json:"data"`
	}
	return out.Data, c.do(ctx, request, &out)
}

// Chunks goes through a document's passages in order.
func (c *Client) Chunks(ctx context.Context, collection, id string) iter.Seq2[Chunk, error] {
	return list[Chunk](ctx, c, documentPath(collection, id)+"/chunks", nil)
}

// Content returns what was sent as the document, and its content type. The caller closes it.
func (c *Client) Content(ctx context.Context, collection, id string) (contentType string, body io.ReadCloser, err error) {
	response, err := c.send(ctx, call{method: http.MethodGet, path: documentPath(collection, id) + "/content", accept: "*/*"})
	if err != nil {
		return "", nil, err
	}
	return response.Header.Get("Content-Type"), response.Body, nil
}

// DeleteDocument removes a document; it is out of every search when this returns.
func (c *Client) DeleteDocument(ctx context.Context, collection, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: documentPath(collection, id)}, nil)
}

// DeleteDocuments removes the documents of these ids and returns how many there were.
func (c *Client) DeleteDocuments(ctx context.Context, collection string, ids ...string) (int64, error) {
	return c.deleteMany(ctx, collection, map[string]any{"ids": ids})
}

// DeleteWhere removes the documents that a filter matches and returns how many there were.
func (c *Client) DeleteWhere(ctx context.Context, collection string, filter json.RawMessage) (int64, error) {
	return c.deleteMany(ctx, collection, map[string]any{"filter": filter})
}

func (c *Client) deleteMany(ctx context.Context, collection string, body any) (int64, error) {
	var out struct {
		Deleted int64 `json:"deleted"`
	}
	request, err := jsonCall(http.MethodPost, collectionPath(collection)+"/documents/delete", body)
	if err != nil {
		return 0, err
	}
	return out.Deleted, c.do(ctx, request, &out)
}
