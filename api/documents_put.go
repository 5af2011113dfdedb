package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"lindero/api/strictjson"
	"lindero/fault"
	"lindero/ingest"
	"lindero/store"
)

type putParams struct {
	DocumentPath
	Wait     string `query:"wait" doc:"How long to wait for the document to be indexed, such as 30s; at most 60s"`
	Title    string `query:"title" doc:"With a raw file only, as are url, language and metadata"`
	URL      string `query:"url"`
	Language string `query:"language"`
	Metadata string `query:"metadata" doc:"JSON object"`
}

// putView has the document twice: its fields at the top, for callers that wait for the document, and as
// document beside its operation, as the contract answers those who do not.
type putView struct {
	DocumentView
	Document  DocumentView   `json:"document"`
	Operation *operationView `json:"operation,omitempty" doc:"Absent when unchanged"`
	Unchanged bool           `json:"unchanged,omitempty" doc:"Same content, metadata and title as before: no work was done"`
}

func (s *server) putDocument(ctx context.Context, in *putParams) (*answer[putView], error) {
	wait, err := parseWait(in.Wait)
	if err != nil {
		return nil, err
	}
	if err := ingest.ValidateID("path.id", in.ID); err != nil {
		return nil, err
	}
	st := s.storage(ctx)
	c, err := st.Collection(ctx, in.Collection)
	if err != nil {
		return nil, err
	}
	payload, err := s.readDocument(exchangeOf(ctx), in)
	if err != nil {
		return nil, err
	}
	doc := store.NewDocument{ID: in.ID, Payload: payload}
	if err := ingest.Validate(c, doc); err != nil {
		return nil, err
	}
	accepted, err := st.AcceptDocuments(ctx, c, []store.NewDocument{doc}, store.AcceptOptions{})
	tellQueue(ctx, st)
	if err != nil {
		return nil, err
	}
	exchangeOf(ctx).releaseBody() // the answer may take a minute
	return s.answerPut(ctx, st, accepted[0], wait)
}

// readDocument reads the body: JSON by its content type, a raw file otherwise.
func (s *server) readDocument(ex *exchange, in *putParams) (store.Payload, error) {
	kind, err := mediaType(ex.request)
	if err != nil {
		return store.Payload{}, err
	}
	if kind == "application/json" {
		if in.Title+in.URL+in.Language+in.Metadata != "" {
			return store.Payload{}, fault.New(fault.Invalid, "with a JSON body title, url, language and metadata go into the body")
		}
		var body DocumentBody
		if err := s.readJSON(ex, &body, false); err != nil {
			return store.Payload{}, err
		}
		return body.payload()
	}
	contentType := ex.request.Header.Get("Content-Type")
	if err := acceptable("Content-Type", contentType); err != nil {
		return store.Payload{}, err
	}
	metadata, err := queryMetadata(in.Metadata)
	if err != nil {
		return store.Payload{}, err
	}
	file, err := s.readAll(ex, s.cfg.Limits.FileBytes)
	return store.Payload{Title: in.Title, URL: in.URL, Language: in.Language, Metadata: metadata, ContentType: contentType, Body: file}, err
}

func queryMetadata(s string) (json.RawMessage, error) {
	var raw json.RawMessage
	if s == "" {
		return object(nil), nil
	}
	if err := strictjson.Decode("query.metadata", []byte(s), &raw); err != nil {
		return nil, err
	}
	return raw, ingest.ValidateMetadata("query.metadata", raw)
}

func (s *server) answerPut(ctx context.Context, st Storage, a store.Accepted, wait time.Duration) (*answer[putView], error) {
	if a.Unchanged {
		return answerDocument(http.StatusOK, a.Document, nil, true), nil
	}
	if wait > 0 {
		op, err := await(ctx, st, a.Operation.ID, wait)
		if err != nil {
			return nil, err
		}
		a.Operation = op
		d, err := st.Document(ctx, a.Document.Collection, a.Document.ID)
		if err != nil && !fault.Is(err, fault.NotFound) { // deleted meanwhile: it was accepted all the same
			return nil, err
		}
		if err == nil {
			a.Document = d
		}
		if op.Status.Final() {
			status := http.StatusOK
			if a.Created {
				status = http.StatusCreated
			}
			return answerDocument(status, a.Document, &op, false), nil
		}
	}
	return answerDocument(http.StatusAccepted, a.Document, &a.Operation, false), nil
}

func answerDocument(status int, d store.Document, op *store.Operation, unchanged bool) *answer[putView] {
	view := viewDocument(d)
	out := &answer[putView]{Status: status, Body: putView{DocumentView: view, Document: view, Unchanged: unchanged}}
	if op != nil {
		v := viewOperation(*op)
		out.Body.Operation, out.Location = &v, operationLocation(op.ID)
	}
	return out
}

func operationLocation(id uuid.UUID) string { return "/v1/operations/" + id.String() }
