// Package client is the Go SDK of Lindero's HTTP API. It knows the wire contract only and imports nothing of the
// server, so it can be vendored into other programs.
//
// Every method takes the context first and returns *Error for an answer of the server that is not a success.
// Answers 429 and 503 and broken connections are tried again with growing, jittered waits; Retry-After is honoured.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config says where the server is and who is asking. URL is required.
type Config struct {
	// URL of the server, such as http://127.0.0.1:8080.
	URL string
	// Key is a tenant's API key, or a platform key for the methods of Platform.
	Key string
	// HTTP sends the requests; nil means a client without a total time limit (contexts bound each call).
	HTTP *http.Client
	// Retries is how often a call is tried again after its first failure; 0 means 5, negative means never.
	Retries int
	// Patience is how long a call is tried again at least, however many retries that takes. Batch jobs set it to
	// outlive a restart of the server, or a full queue.
	Patience time.Duration
	// MaxWait bounds the wait before one retry, also where the server asks for more; 0 means 30 seconds.
	MaxWait time.Duration
	// UserAgent is sent with each request; empty means lindero-go.
	UserAgent string
}

// Client talks to one server with one credential. It is safe for concurrent use.
type Client struct {
	base *url.URL
	cfg  Config
}

// New checks the configuration; it connects to nothing yet.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of a server; it looks like http://127.0.0.1:8080", cfg.URL)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Transport: newTransport()}
	}
	if cfg.Retries == 0 {
		cfg.Retries = 5
	}
	if cfg.MaxWait == 0 {
		cfg.MaxWait = 30 * time.Second
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "lindero-go"
	}
	return &Client{base: base, cfg: cfg}, nil
}

// BufferBytes are for what is on its way to the server, and back: a vector and an answer with texts fit in. Through
// net/http's 4 KiB each would take several writes, and wake the other side for each.
const BufferBytes = 64 << 10

// newTransport keeps as many idle connections to the one server as a bulk load uses, so that parallel uploads
// do not open a connection each time.
func newTransport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	transport.WriteBufferSize, transport.ReadBufferSize = BufferBytes, BufferBytes
	return transport
}

// call is one request. Parts of the path are escaped by the caller with url.PathEscape.
type call struct {
	method      string
	path        string
	query       url.Values
	body        []byte
	contentType string // of body; empty without one
	accept      string // empty means application/json
	// once marks what must not be done twice: it is tried again only when the server said that it did nothing.
	once           bool
	idempotencyKey string
}

// do sends c until it is answered for good and decodes a successful answer into out, unless out is nil.
func (c *Client) do(ctx context.Context, request call, out any) error {
	response, err := c.send(ctx, request)
	if err != nil {
		return err
	}
	defer drain(response.Body)
	if out == nil || response.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: the answer is not the JSON that was expected: %w", request.method, request.path, err)
	}
	return nil
}

// json makes a call with value as its JSON body.
func jsonCall(method, path string, value any) (call, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return call{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return call{method: method, path: path, body: body, contentType: "application/json"}, nil
}

func (c *Client) newRequest(ctx context.Context, r call) (*http.Request, error) {
	target := strings.TrimSuffix(c.base.String(), "/") + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.contentType != "" {
		body = bytes.NewReader(r.body)
	}
	request, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", c.cfg.UserAgent)
	request.Header.Set("Accept", r.accept)
	if r.accept == "" {
		request.Header.Set("Accept", "application/json")
	}
	if r.contentType != "" {
		request.Header.Set("Content-Type", r.contentType)
	}
	if c.cfg.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	if r.idempotencyKey != "" {
		request.Header.Set("Idempotency-Key", r.idempotencyKey)
	}
	return request, nil
}

// drain reads what is left, a little at most, so that the connection can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}

// Ready asks the server's readiness probe; nil means that it serves.
func (c *Client) Ready(ctx context.Context) error {
	response, err := c.send(ctx, call{method: http.MethodGet, path: "/readyz"})
	var problem *Error
	if errors.As(err, &problem) {
		return fmt.Errorf("the server is not ready: %w", err)
	}
	if err != nil {
		return err
	}
	drain(response.Body)
	return nil
}
