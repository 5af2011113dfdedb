package api

import (
	"context"
	"net/http"

	"lindero/tenant/auth"
)

// exchange is what one request and its answer carry along. Huma sees nothing of Gin's own keys, so it travels in
// the request's context.
type exchange struct {
	requestID string
	request   *http.Request
	writer    http.ResponseWriter
	head      bool           // the caller asked for the headers only
	principal auth.Principal // after authentication on /v1
	failure   error          // what was answered as a problem, for the log
	held      []func()       // memory reserved for the body: each lets go of some
}

type exchangeKey struct{}

// exchangeOf is the request's exchange. Every request has one: the first middleware makes it.
func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// storage is the storage of the tenant that the request's credential proved.
func (s *server) storage(ctx context.Context) Storage {
	return s.cfg.Storage(exchangeOf(ctx).principal.Tenant)
}
