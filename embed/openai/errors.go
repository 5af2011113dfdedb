package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	sdk "github.com/sashabaranov/go-openai"

	"lindero/fault"
)

// wrongAnswer is a 200 whose content cannot be used.
func wrongAnswer(format string, args ...any) *fault.Error {
	return fault.New(fault.Upstream, "the embedding server answered wrongly: "+format, args...)
}

// translate makes a typed fault of the SDK's error. Its text is left out, even from the cause: a server may
// repeat the key or a document's text in it.
func translate(ctx context.Context, err error, last *call) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if status, kind := statusOf(err); status != 0 {
		return byStatus(status, kind, last)
	}
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case last.oversized:
		return wrongAnswer("more than %d bytes", maxBody)
	case errors.As(err, &syntax), errors.As(err, &mismatch), last.read && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return wrongAnswer("no valid JSON")
	}
	return fault.Wrap(err, fault.Unavailable, "the embedding server cannot be reached; try again later")
}

// statusOf returns the HTTP status of the SDK's error, 0 when it has none, and the API's name for the fault.
func statusOf(err error) (status int, kind string) {
	var api *sdk.APIError
	if errors.As(err, &api) {
		return api.HTTPStatusCode, api.Type
	}
	var request *sdk.RequestError
	if errors.As(err, &request) {
		return request.HTTPStatusCode, ""
	}
	return 0, ""
}

func byStatus(status int, kind string, last *call) *fault.Error {
	cause := fmt.Errorf("embedding server: HTTP %d %.40q", status, kind)
	switch {
	case status == http.StatusTooManyRequests:
		e := fault.Wrap(cause, fault.Unavailable, "the embedding server is over its limit; try again later")
		e.RetryAfter = last.retryAfter
		return e
	case status >= 500, status == http.StatusRequestTimeout:
		e := fault.Wrap(cause, fault.Unavailable, "the embedding server fails at the moment; try again later")
		e.RetryAfter = last.retryAfter
		return e
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fault.Wrap(cause, fault.Upstream, "the embedding server refuses the key it is given")
	}
	return fault.Wrap(cause, fault.Upstream, "the embedding server refuses the request (HTTP %d)", status)
}
