package pinecone

import (
	"context"
	"fmt"

	"golang.org/x/time/rate"
)

// The service's limits a second, https://docs.pinecone.io/reference/api/database-limits/rate-limits. Config gives the
// first; the others are held in proportion.
const (
	requestsPerSecond = 100        // of each kind, to a namespace
	bytesPerSecond    = 50_000_000 // upserted to a namespace
	deletesPerSecond  = 5000       // records, of a namespace and of an index
	fetchesPerSecond  = 100        // of an index
	listsPerSecond    = 200        // of an index
)

// spacePace are the limits of a tenant's namespaces. Searches have one of their own, as in the service, so that they
// do not wait behind writes.
type spacePace struct{ asks, writes, bytes *rate.Limiter }

// indexPace are the limits of an index, that all tenants share.
type indexPace struct{ deletes, fetches, lists *rate.Limiter }

// share is what may be used at once of a second's worth. The rest is room for requests that are sent one after another
// and arrive together.
const share = 4

// limiter allows limit a second, in the proportion that is configured, and as much as largest at once.
func (c Config) limiter(limit, largest int) *rate.Limiter {
	scaled := limit * c.RequestsPerSecond / requestsPerSecond
	return rate.NewLimiter(rate.Limit(scaled), max(scaled/share, largest))
}

func (c Config) spacePace() *spacePace {
	return &spacePace{
		asks:   rate.NewLimiter(rate.Limit(c.RequestsPerSecond), c.RequestsPerSecond), // somebody waits: it may come to a refusal and another try
		writes: c.limiter(requestsPerSecond, 1),
		bytes:  c.limiter(bytesPerSecond, maxRequest),
	}
}

func (c Config) indexPace() *indexPace {
	return &indexPace{
		deletes: c.limiter(deletesPerSecond, maxIDs),
		fetches: c.limiter(fetchesPerSecond, 1),
		lists:   c.limiter(listsPerSecond, 1),
	}
}

// charge is what one call takes of a limit.
type charge struct {
	of *rate.Limiter
	n  int
}

// wait returns when all charges are allowed.
func wait(ctx context.Context, charges []charge) error {
	for _, c := range charges {
		if err := c.of.WaitN(ctx, c.n); err != nil {
			return fmt.Errorf("wait for a rate limit: %w", err)
		}
	}
	return nil
}
