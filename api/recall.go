package api

import (
	"context"
	"net/http"

	"lindero/search"
	"lindero/tenant"
)

func (s *server) recallRoutes() {
	handleJSON(s, route{method: http.MethodPost, path: "/v1/collections/{name}/recall", id: "measure-recall", role: tenant.Reader, optional: true,
		summary: "Measure a collection's recall",
		doc: "Compares what the collection's index finds with what an exact scan finds, on the tenant's own data: with queries made of " +
			"stored vectors and a little noise, or with vectors of the caller's own. Every query costs an exact scan; after 45 seconds " +
			"the answer has as many queries as were made."}, s.measureRecall)
}

func (s *server) measureRecall(ctx context.Context, in *CollectionPath, body *search.RecallRequest) (*answer[search.Recall], error) {
	id := exchangeOf(ctx).principal.Tenant
	measured, err := s.cfg.Search.Recall(ctx, s.cfg.Storage(id), id, in.Name, *body)
	if err != nil {
		return nil, err
	}
	return &answer[search.Recall]{Body: measured}, nil
}
