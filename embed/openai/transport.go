package openai

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
)

const (
	firstDelay = 250 * time.Millisecond
	maxDelay   = 8 * time.Second
	// maxBody bounds an answer: 2,048 vectors of 4,000 numbers of 20 characters take less.
	maxBody = 256 << 20
)

// newTransport retries what is worth it: broken connections, timeouts, 429 and 5xx.
func newTransport(c Config) http.RoundTripper {
	retry := failsafehttp.NewRetryPolicyBuilder().
		WithBackoff(firstDelay, maxDelay).
		WithJitterFactor(0.25).
		WithDelayFunc(delay).
		AbortIf(func(answer *http.Response, err error) bool {
			return tooLong(answer, c.MaxRetryAfter)
		}).
		WithMaxRetries(c.Retries).
		ReturnLastFailure().
		Build()
	once := &attempt{inner: c.Transport, timeout: c.Timeout}
	if c.Retries == 0 {
		return once
	}
	return failsafehttp.NewRoundTripper(once, retry)
}

// delay returns what the answer's Retry-After asks, -1 for the policy's own backoff. The quarter more
// makes up for the jitter, which also shortens.
func delay(execution failsafe.ExecutionAttempt[*http.Response]) time.Duration {
	if wait := retryAfter(execution.LastResult()); wait > 0 {
		return wait + wait/3
	}
	return -1
}

func tooLong(answer *http.Response, limit time.Duration) bool { return retryAfter(answer) > limit }

// retryAfter reads the header's seconds or date; 0 without one.
func retryAfter(answer *http.Response) time.Duration {
	if answer == nil {
		return 0
	}
	value := answer.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(time.Duration(seconds)*time.Second, 0)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// attempt makes one attempt, its body read to the end included, so that an answer that breaks off or
// never ends is retried like a refused connection. It notes the answer's Retry-After in the call.
type attempt struct {
	inner   http.RoundTripper
	timeout time.Duration
}

func (a *attempt) RoundTrip(request *http.Request) (*http.Response, error) {
	last, ok := request.Context().Value(callKey{}).(*call)
	if !ok {
		last = new(call)
	}
	*last = call{}
	ctx, cancel := context.WithTimeout(request.Context(), a.timeout)
	defer cancel()
	answer, err := a.inner.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	*last = call{
		retryAfter: retryAfter(answer),
		read:       true,
		oversized:  len(body) > maxBody,
		nulls:      answer.StatusCode == http.StatusOK && hasNullNumber(body),
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// call is what the SDK's errors and answers do not tell about the last attempt.
type call struct {
	retryAfter time.Duration
	oversized  bool
	read       bool // the body arrived whole
	nulls      bool // a null among the numbers of an array, which Go would decode as 0
}

type callKey struct{}

// hasNullNumber reports a null that is an element of an array.
func hasNullNumber(body []byte) bool {
	for {
		at := bytes.Index(body, []byte("null"))
		if at < 0 {
			return false
		}
		before := bytes.TrimRight(body[:at], " \t\r\n")
		after := bytes.TrimLeft(body[at+4:], " \t\r\n")
		opens := len(before) > 0 && (before[len(before)-1] == '[' || before[len(before)-1] == ',')
		closes := len(after) > 0 && (after[0] == ']' || after[0] == ',')
		if opens && closes {
			return true
		}
		body = body[at+4:]
	}
}
