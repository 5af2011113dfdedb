package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// PutOptions are the choices of a PUT.
type PutOptions struct {
	// Wait makes the server answer when the document is indexed or has failed; at most 60 seconds.
	Wait time.Duration
}

func (o PutOptions) query() url.Values {
	if o.Wait <= 0 {
		return url.Values{}
	}
	return url.Values{"wait": {o.Wait.String()}}
}

// Put is the answer to one document.
type Put struct {
	Document  Document   `json:"document"`
	Operation *Operation `json:"operation,omitempty"` // nil when nothing is left to do
	Unchanged bool       `json:"unchanged,omitempty"` // the same was there already: no work
}

// UnmarshalJSON reads both forms of the answer: {document, operation} while the work is going on, and the bare
// document when it is over.
func (p *Put) UnmarshalJSON(data []byte) error {
	type plain Put
	var both struct {
		plain
		Document *Document `json:"document"`
	}
	if err := json.Unmarshal(data, &both); err != nil {
		return err
	}
	*p = Put(both.plain)
	if both.Document != nil {
		p.Document = *both.Document
		return nil
	}
	return json.Unmarshal(data, &p.Document)
}

// PutDocument creates or replaces a document.
func (c *Client) PutDocument(ctx context.Context, collection, id string, document NewDocument, options PutOptions) (Put, error) {
	document.ID = ""
	request, err := jsonCall(http.MethodPut, documentPath(collection, id), document)
	if err != nil {
		return Put{}, err
	}
	request.query = options.query()
	var out Put
	return out, c.do(ctx, request, &out)
}

// PutFile creates or replaces a document from a file as it is. Of document only Title, URL and Metadata are used.
func (c *Client) PutFile(ctx context.Context, collection, id, contentType string, file []byte, document NewDocument, options PutOptions) (Put, error) {
	query := options.query()
	if document.Title != "" {
		query.Set("title", document.Title)
	}
	if document.URL != "" {
		query.Set("url", document.URL)
	}
	if len(document.Metadata) > 0 {
		metadata, err := json.Marshal(document.Metadata)
		if err != nil {
			return Put{}, fmt.Errorf("metadata of %s: %w", id, err)
		}
		query.Set("metadata", string(metadata))
	}
	var out Put
	return out, c.do(ctx, call{
		method: http.MethodPut, path: documentPath(collection, id), query: query, body: file, contentType: contentType,
	}, &out)
}

// Bulk is the answer to many documents at once: good ones went in, bad ones are listed.
type Bulk struct {
	Operation Operation   `json:"operation"`
	Accepted  int         `json:"accepted"`
	Rejected  []Rejection `json:"rejected"`
	// Earlier are the operations before the last where PutDocuments had to send more than once.
	Earlier []Operation `json:"-"`
}

// codeQueueFull is the code of a document that came while the tenant's queue was full.
const codeQueueFull = "rate_limited"

// TurnedAway are the places in the request of documents that found no room in the tenant's queue. Nothing is
// wrong with them: they are to be sent again.
func (b Bulk) TurnedAway() []int {
	var places []int
	for _, r := range b.Rejected {
		if r.Code == codeQueueFull {
			places = append(places, r.Index)
		}
	}
	slices.Sort(places)
	return places
}

// Rejection is a document of a bulk request that was not accepted.
type Rejection struct {
	Index  int    `json:"index"` // 0, 1, 2 … in the request
	ID     string `json:"id,omitempty"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// PutDocuments sends many documents at once, as lines of JSON. Those that find no room in the tenant's queue are
// sent again as long as others get in, and else as often as any call is tried again.
func (c *Client) PutDocuments(ctx context.Context, collection string, documents []NewDocument) (Bulk, error) {
	all, err := c.putDocuments(ctx, collection, documents)
	places := indexes(len(documents))
	for last := all; err == nil; {
		away := last.TurnedAway()
		if len(away) == 0 || last.Accepted == 0 { // a server that takes nothing answers 429
			break
		}
		again := make([]NewDocument, len(away))
		for i, place := range away {
			again[i], places[i] = documents[places[place]], places[place]
		}
		if last, err = c.putDocuments(ctx, collection, again); err == nil {
			all.add(last, places[:len(away)])
		}
	}
	return all, err
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// add takes over the answer to a part that was sent again; places says where its documents were at first.
func (b *Bulk) add(part Bulk, places []int) {
	b.Rejected = slices.DeleteFunc(b.Rejected, func(r Rejection) bool { return r.Code == codeQueueFull })
	for _, r := range part.Rejected {
		r.Index = places[r.Index]
		b.Rejected = append(b.Rejected, r)
	}
	b.Accepted += part.Accepted
	b.Earlier, b.Operation = append(b.Earlier, b.Operation), part.Operation
}

func (c *Client) putDocuments(ctx context.Context, collection string, documents []NewDocument) (Bulk, error) {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines) // ends each value with a line feed
	for i := range documents {
		if err := encoder.Encode(documents[i]); err != nil {
			return Bulk{}, fmt.Errorf("document %d: %w", i, err)
		}
	}
	return c.PutLines(ctx, collection, lines.Bytes())
}

// PutLines sends documents that are lines of JSON (NDJSON) already. Each call is one request to the server,
// however often it has to be sent: a retry after a broken connection gets the first answer again.
func (c *Client) PutLines(ctx context.Context, collection string, lines []byte) (Bulk, error) {
	var out Bulk
	return out, c.do(ctx, call{
		method: http.MethodPost, path: collectionPath(collection) + "/documents",
		body: lines, contentType: "application/x-ndjson", idempotencyKey: rand.Text(),
	}, &out)
}
