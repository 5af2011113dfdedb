package api

import (
	"context"
	"encoding/json"
	"net/http"

	"lindero/api/strictjson"
	"lindero/fault"
	"lindero/internal/jsontext"
	"lindero/search"
	"lindero/tenant"
)

// searchView is the answer to one search.
type searchView struct {
	search.Response
	RequestID string `json:"request_id"`
}

type searchBatch struct {
	Searches []json.RawMessage `json:"searches"`
}

// searchRequests documents searchBatch: its elements are decoded one by one, so that a bad one fails alone.
type searchRequests struct {
	Searches []search.Request `json:"searches" minItems:"1" maxItems:"100"`
}

// batchResults has a searchView or a Problem for each search, in their order.
type batchResults struct {
	Results []any `json:"results" nullable:"false"`
}

const maxSearches = 100

func (s *server) searchRoutes() {
	handleJSON(s, route{method: http.MethodPost, path: "/v1/search", id: "search", role: tenant.Reader,
		summary: "Search", doc: "One of query and vector is required."}, s.search)
	handleJSON(s, route{method: http.MethodPost, path: "/v1/search/batch", id: "search-batch", role: tenant.Reader,
		summary: "Search for several things at once", doc: "Each result is an answer as of /v1/search, or a problem."}, s.searchBatch)
	media := s.api.OpenAPI().Paths["/v1/search/batch"].Post.RequestBody.Content["application/json"]
	media.Schema = schemaOf[searchRequests](s)
}

func (s *server) search(ctx context.Context, _ *none, body *search.Request) (*answer[searchView], error) {
	id := exchangeOf(ctx).principal.Tenant
	response, err := s.cfg.Search.Search(ctx, s.cfg.Storage(id), id, *body)
	if err != nil {
		return nil, err
	}
	return &answer[searchView]{Body: viewSearch(ctx, response)}, nil
}

func viewSearch(ctx context.Context, response search.Response) searchView {
	if response.Results == nil {
		response.Results = []search.Result{}
	}
	return searchView{Response: response, RequestID: exchangeOf(ctx).requestID}
}

// appendJSON implements selfEncoded.
func (v searchView) appendJSON(b []byte) ([]byte, error) {
	b, err := v.AppendFields(append(b, '{'))
	if err != nil {
		return nil, err
	}
	return append(jsontext.AppendString(append(b, `,"request_id":`...), v.RequestID), "}\n"...), nil
}

func (s *server) searchBatch(ctx context.Context, _ *none, body *searchBatch) (*answer[batchResults], error) {
	if n := len(body.Searches); n < 1 || n > maxSearches {
		return nil, fault.InvalidField("body.searches", n, "must be 1 to %d searches", maxSearches)
	}
	ex := exchangeOf(ctx)
	results := make([]any, len(body.Searches))
	var requests []search.Request
	var places []int // of requests among results
	for i, raw := range body.Searches {
		var request search.Request
		if err := decodeSearch(raw, &request); err != nil {
			results[i], _ = describe(ex.requestID, err)
			continue
		}
		requests, places = append(requests, request), append(places, i)
	}
	if len(requests) == 0 {
		return &answer[batchResults]{Body: batchResults{Results: results}}, nil
	}
	id := ex.principal.Tenant
	outcomes, err := s.cfg.Search.SearchBatch(ctx, s.cfg.Storage(id), id, requests)
	if err != nil {
		return nil, err
	}
	for i, outcome := range outcomes {
		if outcome.Err != nil {
			results[places[i]], _ = describe(ex.requestID, outcome.Err)
		} else {
			results[places[i]] = viewSearch(ctx, outcome.Response)
		}
	}
	return &answer[batchResults]{Body: batchResults{Results: results}}, nil
}

func decodeSearch(raw json.RawMessage, request *search.Request) error {
	if raw == nil {
		return fault.InvalidField("body", nil, "must be an object")
	}
	return strictjson.Decode("body", raw, request)
}
