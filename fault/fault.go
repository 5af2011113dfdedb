// Package fault is Lindero's one vocabulary of errors. Every layer returns a *fault.Error for what a
// caller can act on, and only the API's mapper knows which HTTP status belongs to which code.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Code is a stable, snake_case name that clients may switch on. The list is part of the HTTP contract.
type Code string

// The codes of the HTTP contract. Malformed and Invalid share the wire name invalid_request but not the status.
const (
	Malformed            Code = "malformed"              // 400, on the wire invalid_request: cannot be parsed
	Invalid              Code = "invalid_request"        // 422: parsed, but breaks a rule
	Unauthenticated      Code = "unauthenticated"        // 401
	Forbidden            Code = "forbidden"              // 403
	TenantSuspended      Code = "tenant_suspended"       // 403
	TenantMismatch       Code = "tenant_mismatch"        // 403
	NotFound             Code = "not_found"              // 404, also for what belongs to another tenant
	Conflict             Code = "conflict"               // 409
	IdempotencyMismatch  Code = "idempotency_mismatch"   // 422
	PayloadTooLarge      Code = "payload_too_large"      // 413
	UnsupportedMediaType Code = "unsupported_media_type" // 415
	RateLimited          Code = "rate_limited"           // 429
	QuotaExceeded        Code = "quota_exceeded"         // 429
	Upstream             Code = "upstream_unavailable"   // 502: another service answered wrongly
	Unavailable          Code = "unavailable"            // 503, on the wire upstream_unavailable: try again later
	Internal             Code = "internal"               // 500

	// The codes of a document that could not be indexed.
	Encrypted Code = "encrypted"
	NoText    Code = "no_text"
	Damaged   Code = "damaged"
	TooLarge  Code = "too_large"
	Timeout   Code = "timeout"
	Crashed   Code = "crashed" // the worker process died at it, repeatedly
)

// Error is what a caller may see (Code, Detail, Fields) and what only the operator may see (Cause).
type Error struct {
	Code   Code
	Detail string // one sentence for people: what is wrong and what to do next
	Fields []Field
	// RetryAfter is how long to wait before trying again; zero when waiting does not help.
	RetryAfter time.Duration
	Cause      error // for logs; never leaves the process
}

// Field points at one part of the request that is wrong.
type Field struct {
	Location string `json:"location"`        // such as body.documents[3].id
	Message  string `json:"message"`         // what is wrong with it
	Value    any    `json:"value,omitempty"` // the offending value, when it is small
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

func (e *Error) Unwrap() error { return e.Cause }

// New makes an error with a formatted detail.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Wrap keeps cause for the operator behind a detail for the user.
func Wrap(cause error, code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...), Cause: cause}
}

// InvalidField is an Invalid error about one part of the request.
func InvalidField(location string, value any, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	return &Error{
		Code:   Invalid,
		Detail: location + ": " + message,
		Fields: []Field{{Location: location, Message: message, Value: value}},
	}
}

// CodeOf returns the code of err, Internal for an error from outside the vocabulary, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Is reports whether err carries code.
func Is(err error, code Code) bool { return CodeOf(err) == code }
