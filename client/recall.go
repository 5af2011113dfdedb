package client

import (
	"context"
	"net/http"
)

// RecallRequest says how to measure; zero fields take the contract's defaults.
type RecallRequest struct {
	Queries int         `json:"queries,omitempty"` // 100; with Vectors: all of them
	TopK    int         `json:"top_k,omitempty"`   // 10
	Vectors [][]float32 `json:"vectors,omitempty"` // queries of the caller's own in place of sampled ones
}

// Recall is how well a collection's index finds what an exact scan finds.
type Recall struct {
	Recall       float64           `json:"recall"` // 0 to 1
	Queries      int               `json:"queries"`
	TopK         int               `json:"top_k"`
	ExactMS      RecallPercentiles `json:"exact_ms"`
	IndexMS      RecallPercentiles `json:"index_ms"`
	ShortResults int               `json:"short_results"` // queries for which the index found fewer than the exact scan
}

// RecallPercentiles are milliseconds.
type RecallPercentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// Recall measures a collection's recall on its own data. It takes an exact scan a query, 45 seconds at most.
func (c *Client) Recall(ctx context.Context, collection string, measure RecallRequest) (Recall, error) {
	var out Recall
	request, err := jsonCall(http.MethodPost, collectionPath(collection)+"/recall", measure)
	if err != nil {
		return out, err
	}
	return out, c.do(ctx, request, &out)
}
