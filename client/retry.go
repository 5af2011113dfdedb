package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"syscall"
	"time"
)

// firstWait is the longest wait before the first retry; it doubles each time.
const firstWait = 250 * time.Millisecond

// send tries a call until it succeeds, is refused for good, retries and patience are used up or ctx is done. The caller
// closes the body of the answer, whose status is below 300.
func (c *Client) send(ctx context.Context, r call) (*http.Response, error) {
	began := time.Now()
	for try := 0; ; try++ {
		response, err := c.attempt(ctx, r)
		if err == nil {
			return response, nil
		}
		usedUp := try >= c.cfg.Retries && time.Since(began) >= c.cfg.Patience
		if ctx.Err() != nil || usedUp || !retryable(err, r.once) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(c.wait(try, err)):
		}
	}
}

func (c *Client) attempt(ctx context.Context, r call) (*http.Response, error) {
	request, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	response, err := c.cfg.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("no answer from %s: %w", c.base.Host, err)
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response, nil
	}
	defer drain(response.Body)
	return nil, problem(response)
}

// retryable reports whether the same call may succeed later. What must not be done twice is only sent again when
// it cannot have been done: the server refused it, or could not be reached at all.
func retryable(err error, once bool) bool {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Status == http.StatusTooManyRequests || refused.Status == http.StatusServiceUnavailable
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return true
	}
	var name *net.DNSError
	if errors.As(err, &name) {
		return name.IsTemporary || name.IsTimeout
	}
	return !once
}

// wait is drawn evenly from the doubling bound ("full jitter"), so that clients turned away together do not come
// back together. A server's Retry-After is the least to wait.
func (c *Client) wait(try int, err error) time.Duration {
	bound := min(firstWait<<min(try, 10), c.cfg.MaxWait)
	wait := rand.N(bound)
	var refused *Error
	if errors.As(err, &refused) && refused.RetryAfter > 0 {
		wait = refused.RetryAfter + rand.N(bound/4+1)
	}
	return min(wait, c.cfg.MaxWait)
}
