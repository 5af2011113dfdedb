package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"lindero/fault"
	"lindero/tenant"
	"lindero/tenant/auth"
)

type fakeAuth struct{}

func (fakeAuth) Authenticate(context.Context, string) (auth.Principal, error) {
	return auth.Principal{}, fault.New(fault.Unauthenticated, "no")
}

func TestSmoke(t *testing.T) {
	h, err := New(Config{Storage: func(tenant.ID) Storage { return nil }, Search: struct{ Searcher }{}, Authenticator: fakeAuth{}, Admin: struct{ Admin }{},
		Ready: func(context.Context) map[string]error { return nil }, IsolationVerified: func() error { return nil },
		CursorSecret: make([]byte, 32), Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []string{"/livez", "/openapi.json", "/v1/tenant", "/nope"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, u, nil))
		t.Log(u, w.Code, w.Body.String()[:min(3000, w.Body.Len())])
	}
}
