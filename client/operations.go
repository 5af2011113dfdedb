package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Operation is a unit of work that goes on after its request was answered.
type Operation struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Status string `json:"status"` // queued, running, succeeded, partially_failed, failed or cancelled
	Counts struct {
		Total  int64 `json:"total"`
		Done   int64 `json:"done"` // failed ones included
		Failed int64 `json:"failed"`
	} `json:"counts"`
	Errors     []OperationError `json:"errors"`
	CreatedAt  time.Time        `json:"created_at"`
	StartedAt  *time.Time       `json:"started_at,omitempty"`
	FinishedAt *time.Time       `json:"finished_at,omitempty"`
}

// OperationError is one document's failure.
type OperationError struct {
	DocumentID string `json:"document_id"`
	Code       string `json:"code"`
	Detail     string `json:"detail"`
}

// Final reports whether the operation has ended.
func (o Operation) Final() bool { return o.Status != "queued" && o.Status != "running" }

func operationPath(id string) string { return "/v1/operations/" + url.PathEscape(id) }

// Operation returns one operation as it is now.
func (c *Client) Operation(ctx context.Context, id string) (Operation, error) {
	var out Operation
	return out, c.do(ctx, call{method: http.MethodGet, path: operationPath(id)}, &out)
}

// Operations goes through the tenant's operations; status narrows unless empty.
func (c *Client) Operations(ctx context.Context, status string) iter.Seq2[Operation, error] {
	query := url.Values{}
	if status != "" {
		query.Set("status", status)
	}
	return list[Operation](ctx, c, "/v1/operations", query)
}

// CancelOperation stops an operation; what it has done stays.
func (c *Client) CancelOperation(ctx context.Context, id string) (Operation, error) {
	var out Operation
	return out, c.do(ctx, call{method: http.MethodPost, path: operationPath(id) + "/cancel"}, &out)
}

// RetryOperation tries an operation's failed documents again; the answer is the operation they belong to now.
func (c *Client) RetryOperation(ctx context.Context, id string) (Operation, error) {
	var out Operation
	return out, c.do(ctx, call{method: http.MethodPost, path: operationPath(id) + "/retry", once: true}, &out)
}

// RetryDocument tries a failed document again.
func (c *Client) RetryDocument(ctx context.Context, collection, id string) (Put, error) {
	var out Put
	return out, c.do(ctx, call{method: http.MethodPost, path: documentPath(collection, id) + "/retry", once: true}, &out)
}

// Waits between two looks at an operation: short at first, for single documents, then sparing the server.
const (
	firstPoll = 50 * time.Millisecond
	lastPoll  = time.Second
)

// WaitOperation looks at an operation until it has ended. seen, unless nil, gets each state on the way.
func (c *Client) WaitOperation(ctx context.Context, id string, seen func(Operation)) (Operation, error) {
	for pause := firstPoll; ; pause = min(pause*2, lastPoll) {
		operation, err := c.Operation(ctx, id)
		if err != nil {
			return operation, err
		}
		if seen != nil {
			seen(operation)
		}
		if operation.Final() {
			return operation, nil
		}
		select {
		case <-ctx.Done():
			return operation, ctx.Err()
		case <-time.After(pause):
		}
	}
}
