package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
)

type operationView struct {
	ID         string                 `json:"id"`
	Kind       string                 `json:"kind"`
	Status     store.OperationStatus  `json:"status" enum:"queued,running,succeeded,partially_failed,failed,cancelled"`
	Counts     countsView             `json:"counts"`
	Errors     []store.OperationError `json:"errors" nullable:"false" doc:"The first 100, by document"`
	CreatedAt  time.Time              `json:"created_at"`
	StartedAt  *time.Time             `json:"started_at"`
	FinishedAt *time.Time             `json:"finished_at"`
}

type countsView struct {
	Total  int64 `json:"total"`
	Done   int64 `json:"done" doc:"Failed ones included"`
	Failed int64 `json:"failed"`
}

func viewOperation(o store.Operation) operationView {
	if o.Errors == nil {
		o.Errors = []store.OperationError{}
	}
	return operationView{
		ID: o.ID.String(), Kind: o.Kind, Status: o.Status, Counts: countsView{o.Total, o.Done, o.Failed}, Errors: o.Errors,
		CreatedAt: o.CreatedAt, StartedAt: o.StartedAt, FinishedAt: o.FinishedAt,
	}
}

type OperationPath struct {
	ID string `path:"id"`
}

// parse gives the id. What is no UUID is nobody's operation.
func (p OperationPath) parse() (uuid.UUID, error) {
	id, err := uuid.Parse(p.ID)
	if err != nil || id.String() != p.ID {
		return uuid.Nil, fault.New(fault.NotFound, "operation %s does not exist", p.ID)
	}
	return id, nil
}

func (s *server) operationRoutes() {
	handle(s, route{method: http.MethodGet, path: "/v1/operations", id: "list-operations", role: tenant.Reader,
		summary: "List operations, the newest first"}, s.listOperations)
	handle(s, route{method: http.MethodGet, path: "/v1/operations/{id}", id: "get-operation", role: tenant.Reader,
		summary: "Get an operation"}, s.getOperation)
	handle(s, route{method: http.MethodPost, path: "/v1/operations/{id}/cancel", id: "cancel-operation", role: tenant.Writer,
		summary: "Cancel an operation", doc: "Documents that are not indexed yet are left as they were."}, s.cancelOperation)
	handle(s, route{method: http.MethodPost, path: "/v1/operations/{id}/retry", id: "retry-operation", role: tenant.Writer, status: http.StatusAccepted,
		summary: "Try an operation's failed documents again",
		doc:     "Those that are failed still go back into the queue, under the new operation of the answer. Without any: 409."}, s.retryOperation)
	handle(s, route{method: http.MethodGet, path: "/v1/operations/{id}/events", id: "watch-operation", role: tenant.Reader,
		summary: "Watch an operation", doc: "Server-sent events: progress with the operation whenever it has moved, and one last done or error."}, s.watchOperation)
	events := s.api.OpenAPI().Paths["/v1/operations/{id}/events"].Get.Responses["200"]
	events.Content = map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}
}

type listOperationsParams struct {
	Status string `query:"status" enum:"queued,running,succeeded,partially_failed,failed,cancelled"`
	PageParams
}

func (s *server) listOperations(ctx context.Context, in *listOperationsParams) (*answer[page[operationView]], error) {
	st := s.storage(ctx)
	fetch := func(p store.Page) (store.Listing[store.Operation], error) {
		return st.Operations(ctx, store.OperationStatus(in.Status), p)
	}
	return list(s, listName(ctx, "operations", in.Status), in.PageParams, fetch, viewOperation)
}

func (s *server) getOperation(ctx context.Context, in *OperationPath) (*answer[operationView], error) {
	return s.oneOperation(ctx, in, s.storage(ctx).Operation)
}

func (s *server) cancelOperation(ctx context.Context, in *OperationPath) (*answer[operationView], error) {
	return s.oneOperation(ctx, in, s.storage(ctx).CancelOperation)
}

func (s *server) retryOperation(ctx context.Context, in *OperationPath) (*answer[operationView], error) {
	st := s.storage(ctx)
	out, err := s.oneOperation(ctx, in, st.RetryOperation)
	tellQueue(ctx, st)
	if err != nil {
		return nil, err
	}
	out.Location = "/v1/operations/" + out.Body.ID
	return out, nil
}

func (s *server) oneOperation(ctx context.Context, in *OperationPath, get func(context.Context, uuid.UUID) (store.Operation, error)) (*answer[operationView], error) {
	id, err := in.parse()
	if err != nil {
		return nil, err
	}
	op, err := get(ctx, id)
	if err != nil {
		return nil, err
	}
	return &answer[operationView]{Body: viewOperation(op)}, nil
}
