package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lindero/tenant"
)

// route describes one operation. Role is what a tenant's key needs; empty means a platform key.
type route struct {
	method, path string
	id           string // of the operation, kebab-case
	summary      string
	doc          string
	role         tenant.Role
	status       int   // of success; 0: 200, or 204 without a body
	also         []int // further statuses of success with the same body
	media        map[string]*huma.MediaType
	optional     bool // the body may be empty, which means {}
}

// answer is a success: Status 0 means the route's own.
type answer[T any] struct {
	Status   int
	Location string `header:"Location"`
	Body     T
}

// none is an answer or a set of parameters without anything.
type none struct{}

// handle registers a route whose request body, if any, fn reads itself.
func handle[I, O any](s *server, r route, fn func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Description: r.doc,
		DefaultStatus: r.status, Tags: []string{tag(r.path)},
	}
	if r.role == "" {
		op.Middlewares = huma.Middlewares{s.platformAuth}
		op.Security = []map[string][]string{{"platformKey": {}}}
	} else {
		op.Middlewares = huma.Middlewares{s.tenantAuth(r.role)}
		op.Security = []map[string][]string{{"key": {}}, {"keyHeader": {}}}
		op.Description = strings.TrimSpace(op.Description + "\n\nNeeds a key of role " + string(r.role) + ".")
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, problemOf(exchangeOf(ctx), err)
		}
		return withStatus(out, r), nil
	})
	s.document(r)
}

// withStatus gives an answer without a status the route's.
func withStatus[O any](out *O, r route) *O {
	if f := reflect.ValueOf(out).Elem().FieldByName("Status"); f.IsValid() && f.Int() == 0 {
		f.SetInt(int64(max(r.status, http.StatusOK)))
	}
	return out
}

// document completes the OpenAPI operation with what Huma cannot know. It comes after the registration: a body
// that Huma knows of it would also read and decode, twice, within its own limits of size and time.
func (s *server) document(r route) {
	item := s.api.OpenAPI().Paths[r.path]
	op := map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPut: item.Put, http.MethodPost: item.Post,
		http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}[r.method]
	if r.media != nil {
		op.RequestBody = &huma.RequestBody{Required: !r.optional, Content: r.media}
	}
	first := op.Responses[strconv.Itoa(max(op.DefaultStatus, http.StatusOK))]
	for _, status := range r.also {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: first.Content, Headers: first.Headers}
	}
	if op.Responses["default"] == nil {
		schema := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
		op.Responses["default"] = &huma.Response{Description: "What went wrong",
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
	}
}

// handleJSON registers a route that takes a JSON body.
func handleJSON[I, B, O any](s *server, r route, fn func(context.Context, *I, *B) (*O, error)) {
	r.media = map[string]*huma.MediaType{"application/json": {Schema: schemaOf[B](s)}}
	handle(s, r, func(ctx context.Context, in *I) (*O, error) {
		var body B
		if err := s.readJSON(exchangeOf(ctx), &body, r.optional); err != nil {
			return nil, err
		}
		return fn(ctx, in, &body)
	})
}

func schemaOf[T any](s *server) *huma.Schema {
	t := reflect.TypeFor[T]()
	return s.api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// tag groups operations in the documentation by the noun in their path.
func tag(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/admin"), "/")
	if strings.HasPrefix(path, "/admin") {
		return "platform"
	}
	if len(parts) > 4 && parts[4] == "documents" {
		return "documents"
	}
	return parts[2]
}
