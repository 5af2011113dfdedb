package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lindero/fault"
)

// Problem is every answer that is not a success (RFC 9457).
type Problem struct {
	Type      string        `json:"type" doc:"about:blank: the code says more"`
	Title     string        `json:"title" doc:"The status in words"`
	Status    int           `json:"status" doc:"HTTP status"`
	Detail    string        `json:"detail" doc:"What is wrong and what to do next"`
	Code      string        `json:"code" doc:"Stable name to switch on, such as not_found"`
	RequestID string        `json:"request_id" doc:"To be named to the operator"`
	Errors    []fault.Field `json:"errors,omitempty" doc:"The parts of the request that are wrong"`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status, for Huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is RFC 9457's, for Huma.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// wire says how a code of the vocabulary travels.
type wire struct {
	status int
	code   fault.Code
}

var wires = map[fault.Code]wire{
	fault.Malformed:            {http.StatusBadRequest, fault.Invalid},
	fault.Invalid:              {http.StatusUnprocessableEntity, fault.Invalid},
	fault.Unauthenticated:      {http.StatusUnauthorized, fault.Unauthenticated},
	fault.Forbidden:            {http.StatusForbidden, fault.Forbidden},
	fault.TenantSuspended:      {http.StatusForbidden, fault.TenantSuspended},
	fault.TenantMismatch:       {http.StatusForbidden, fault.TenantMismatch},
	fault.NotFound:             {http.StatusNotFound, fault.NotFound},
	fault.Conflict:             {http.StatusConflict, fault.Conflict},
	fault.IdempotencyMismatch:  {http.StatusUnprocessableEntity, fault.IdempotencyMismatch},
	fault.PayloadTooLarge:      {http.StatusRequestEntityTooLarge, fault.PayloadTooLarge},
	fault.UnsupportedMediaType: {http.StatusUnsupportedMediaType, fault.UnsupportedMediaType},
	fault.RateLimited:          {http.StatusTooManyRequests, fault.RateLimited},
	fault.QuotaExceeded:        {http.StatusTooManyRequests, fault.QuotaExceeded},
	fault.Upstream:             {http.StatusBadGateway, fault.Upstream},
	fault.Unavailable:          {http.StatusServiceUnavailable, fault.Upstream},
}

// describe is the one mapper of errors to answers. Causes, and details of internal errors, stay in the process.
func describe(requestID string, err error) (p *Problem, known *fault.Error) {
	known = &fault.Error{Code: fault.Internal}
	if !errors.As(err, &known) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		known = fault.New(fault.Unavailable, "the request was given up before it was answered; try again")
	}
	w, ok := wires[known.Code]
	if !ok {
		w = wire{http.StatusInternalServerError, fault.Internal}
	}
	p = newProblem(requestID, w.status, w.code, known.Detail, known.Fields)
	if w.code == fault.Internal {
		p.Detail, p.Errors = "something went wrong on our side; name the request_id to the operator", nil
	}
	return p, known
}

// problemOf describes the error that is the answer to a request, and sets the headers that go with it.
func problemOf(ex *exchange, err error) *Problem {
	p, known := describe(ex.requestID, err)
	setRetry(ex, p.Status, known.RetryAfter)
	if p.Status == http.StatusUnauthorized {
		ex.writer.Header().Set("WWW-Authenticate", `Bearer realm="lindero"`)
	}
	ex.failure = err
	return p
}

// setRetry tells when to come back. 429 and 503 always say so.
func setRetry(ex *exchange, status int, after time.Duration) {
	if after == 0 && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		after = time.Second
	}
	if after > 0 {
		ex.writer.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
}

func newProblem(requestID string, status int, code fault.Code, detail string, fields []fault.Field) *Problem {
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: string(code),
		RequestID: requestID, Errors: fields,
	}
}

// fail answers with the problem of err where Huma does not do it: in middleware and outside its routes.
func fail(ex *exchange, err error) {
	p := problemOf(ex, err)
	ex.writer.Header().Set("Content-Type", p.ContentType(""))
	ex.writer.WriteHeader(p.Status)
	encoder := json.NewEncoder(ex.writer)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(p) // the client may have gone
}

// Huma's own refusals, of parameters that break their schema, take the same form. It offers package variables
// for this and nothing else.
func init() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		return humaProblem(exchangeOf(ctx.Context()), status, message, errs)
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return humaProblem(&exchange{}, status, message, errs)
	}
}

func humaProblem(ex *exchange, status int, message string, errs []error) *Problem {
	code := fault.Internal
	for _, w := range wires {
		if w.status == status {
			code = w.code
		}
	}
	if status == http.StatusUnprocessableEntity {
		code = fault.Invalid
	}
	var fields []fault.Field
	for _, err := range errs {
		var detail huma.ErrorDetailer
		if errors.As(err, &detail) {
			d := detail.ErrorDetail()
			fields = append(fields, fault.Field{Location: d.Location, Message: d.Message})
		}
	}
	if len(fields) > 0 {
		message = fields[0].Location + ": " + fields[0].Message
	}
	return newProblem(ex.requestID, status, code, message, fields)
}
