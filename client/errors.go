package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is the server's refusal: a problem of RFC 9457 with the stable code of Lindero's contract.
type Error struct {
	Status    int     `json:"status"`     // HTTP status
	Code      string  `json:"code"`       // stable, snake_case, such as not_found; empty when something before the server answered
	Title     string  `json:"title"`      // the kind of problem
	Detail    string  `json:"detail"`     // what is wrong with this request
	RequestID string  `json:"request_id"` // to be named to the operator
	Fields    []Field `json:"errors"`     // the parts of the request that are wrong
	// RetryAfter is how long the server asks to wait; zero when it asks nothing.
	RetryAfter time.Duration `json:"-"`
}

// Field is one part of a request that is wrong.
type Field struct {
	Location string          `json:"location"`
	Message  string          `json:"message"`
	Value    json.RawMessage `json:"value,omitempty"`
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Detail)
	if e.Detail == "" {
		b.WriteString(e.Title)
	}
	for _, f := range e.Fields {
		if !strings.Contains(e.Detail, f.Message) {
			fmt.Fprintf(&b, "; %s: %s", f.Location, f.Message)
		}
	}
	fmt.Fprintf(&b, " (%d", e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if e.RequestID != "" {
		b.WriteString(", request " + e.RequestID)
	}
	b.WriteString(")")
	return b.String()
}

// Code returns the stable code of a server's refusal anywhere in err's chain, and "" when there is none.
func Code(err error) string {
	var problem *Error
	if errors.As(err, &problem) {
		return problem.Code
	}
	return ""
}

// IsNotFound reports whether the server knows no such thing, or it belongs to somebody else.
func IsNotFound(err error) bool { return Code(err) == "not_found" }

// maxProblem bounds what is read of an answer that is not a success.
const maxProblem = 1 << 20

// problem reads the answer to a request that failed. An answer that is no problem document, from a proxy for
// instance, gives an Error without a code.
func problem(response *http.Response) *Error {
	e := &Error{RetryAfter: retryAfter(response.Header, time.Now())}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind != "application/problem+json" || json.Unmarshal(body, e) != nil {
		*e = Error{RetryAfter: e.RetryAfter, Title: http.StatusText(response.StatusCode)}
	}
	e.Status = response.StatusCode
	if e.RequestID == "" {
		e.RequestID = response.Header.Get("X-Request-ID")
	}
	return e
}

// retryAfter reads Retry-After, which is in seconds or a date; zero when absent, past or unreadable.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
