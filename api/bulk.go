package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"lindero/api/strictjson"
	"lindero/fault"
	"lindero/ingest"
	"lindero/store"
	"lindero/tenant"
)

type bulkParams struct {
	CollectionPath
	Wait string `query:"wait" doc:"How long to wait for the operation to end, such as 30s; at most 60s"`
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"The same key with the same body replays the first answer for 24 hours"`
}

type bulkBody struct {
	Documents []json.RawMessage `json:"documents"`
}

// bulkDocuments documents bulkBody: its elements are decoded one by one, so that a bad one refuses itself only.
type bulkDocuments struct {
	Documents []bulkDocument `json:"documents" minItems:"1" maxItems:"1000"`
}

type bulkView struct {
	Operation     operationView `json:"operation"`
	Accepted      int           `json:"accepted"`
	Rejected      []rejection   `json:"rejected" nullable:"false" doc:"At most 10000 of them are listed"`
	RejectedTotal int           `json:"rejected_total"`
}

// rejection says why one document of many was not taken in.
type rejection struct {
	Index  int    `json:"index" doc:"0, 1, 2 … in the request"`
	ID     string `json:"id,omitempty"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Bounds of one bulk request.
const (
	maxBulk         = 1000    // documents in one JSON body
	batchDocuments  = 500     // accepted in one transaction
	batchBytes      = 8 << 20 // likewise
	besideDocuments = 100     // accepted in one transaction while other tenants search
	maxRejected     = 10_000  // listed in an answer
	operationIngest = "ingest"
)

func (s *server) bulkRoutes() {
	text := &huma.Schema{Type: huma.TypeString}
	handle(s, route{method: http.MethodPost, path: documentsPath, id: "post-documents", role: tenant.Writer, status: http.StatusAccepted,
		summary: "Take in many documents", doc: "Good ones go in, bad ones are reported one by one.",
		media: map[string]*huma.MediaType{
			"application/json":     {Schema: schemaOf[bulkDocuments](s)},
			"application/x-ndjson": {Schema: &huma.Schema{Type: huma.TypeString, Description: "One document a line, streamed"}},
			"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Description: "Files; a file's name is its document's id",
				AdditionalProperties: text}},
		}}, s.postDocuments)
}

// postDocuments takes documents in as they come. When the client goes away midway, what was accepted stays.
func (s *server) postDocuments(ctx context.Context, in *bulkParams) (*answer[bulkView], error) {
	wait, err := parseWait(in.Wait)
	if err != nil {
		return nil, err
	}
	st := s.storage(ctx)
	c, err := st.Collection(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	defer tellQueue(ctx, st)
	if err := turnAway(ctx, st); err != nil { // before anything of the body is read
		return nil, err
	}
	source, err := s.openBulk(exchangeOf(ctx))
	if err != nil {
		return nil, err
	}
	once, err := beginOnce(ctx, st, in, source)
	if err != nil || once.replay != nil {
		return once.replay, err
	}
	view, err := s.takeIn(ctx, st, c, source)
	if err != nil {
		once.abandon(ctx)
		return nil, err
	}
	if err := once.finish(ctx, view); err != nil {
		return nil, err
	}
	exchangeOf(ctx).releaseBody()
	if wait > 0 {
		op, err := await(ctx, st, uuid.MustParse(view.Operation.ID), wait)
		if err != nil {
			return nil, err
		}
		view.Operation = viewOperation(op)
	}
	return answerBulk(view), nil
}

func answerBulk(view bulkView) *answer[bulkView] {
	return &answer[bulkView]{Location: "/v1/operations/" + view.Operation.ID, Body: view}
}

// source gives the documents of a request one by one.
type source interface {
	// each calls take for each document, or with the reason why one cannot be read; it stops at take's first error.
	// Its own errors concern the whole request.
	each(take func(doc store.NewDocument, bad error) error) error
}

// bulk collects documents into batches and accepts them.
type bulk struct {
	ctx     context.Context
	st      Storage
	c       store.Collection
	op      store.Operation
	batch   []store.NewDocument
	full    int   // how many documents make a batch
	indexes []int // of the batch's documents in the request
	bytes   int64
	seen    int
	view    bulkView

	tenant     uuid.UUID
	neighbours ingest.Neighbours

	patience time.Duration // how long the next batch may wait for room in the queue
	refusal  error         // why documents were turned away, once any were
	away     int           // how many were
}

// takeIn accepts everything of source under one operation. The operation stops accepting on every path, also when
// the client has gone.
func (s *server) takeIn(ctx context.Context, st Storage, c store.Collection, src source) (view bulkView, err error) {
	op, err := st.StartOperation(ctx, operationIngest)
	if err != nil {
		return view, err
	}
	b := &bulk{ctx: ctx, st: st, c: c, op: op, view: bulkView{Rejected: []rejection{}}, patience: s.cfg.Limits.QueueWait,
		tenant: exchangeOf(ctx).principal.Tenant.UUID(), neighbours: s.cfg.Neighbours}
	b.measure()
	defer func() {
		after := context.WithoutCancel(ctx)
		if refused(err) { // nothing is in it
			_, _ = st.CancelOperation(after, op.ID) // else it ends empty
		}
		if closing := st.FinishAccepting(after, op.ID); closing != nil && err == nil {
			err = closing
		}
		if err == nil {
			op, err = st.Operation(after, op.ID)
			view.Operation = viewOperation(op)
		}
	}()
	if err = src.each(b.take); err != nil {
		if flushed := b.flush(false); flushed != nil { // what came whole goes in, though the rest never came
			err = errors.Join(err, flushed)
		}
		return b.view, err
	}
	if b.seen == 0 {
		return b.view, fault.New(fault.Invalid, "there is no document in the body")
	}
	if err = b.flush(true); err == nil && b.view.Accepted == 0 && b.away > 0 && b.away == b.view.RejectedTotal {
		err = b.refusal
	}
	return b.view, err
}

func (b *bulk) take(doc store.NewDocument, bad error) error {
	index := b.seen
	b.seen++
	if bad == nil {
		bad = ingest.Validate(b.c, doc)
	}
	if bad != nil {
		b.reject(index, doc.ID, bad)
		return nil
	}
	b.batch, b.indexes = append(b.batch, doc), append(b.indexes, index)
	b.bytes += doc.Weight()
	if len(b.batch) >= b.full || b.bytes >= batchBytes {
		return b.flush(false)
	}
	return nil
}

func (b *bulk) reject(index int, id string, bad error) {
	b.view.RejectedTotal++
	if len(b.view.Rejected) == maxRejected {
		return
	}
	code, detail := Refusal(bad)
	if ingest.ValidateID("id", id) != nil {
		id = ""
	}
	b.view.Rejected = append(b.view.Rejected, rejection{Index: index, ID: id, Code: code, Detail: detail})
}

// Refusal is how the answer to a bulk request names the error of one document.
func Refusal(bad error) (code, detail string) {
	var known *fault.Error
	if !errors.As(bad, &known) {
		known = fault.New(fault.Invalid, "cannot be read")
	}
	if w, ok := wires[known.Code]; ok {
		return string(w.code), known.Detail
	}
	return string(known.Code), known.Detail
}

// DecodeLine reads one document of many, such as a line of NDJSON. The command line uses it too: it sends lines as
// they are, and knows by store.ContentHash of the result which of them the server has already.
func DecodeLine(raw []byte) (store.NewDocument, error) {
	var body bulkDocument
	err := strictjson.Decode("body", raw, &body)
	doc := store.NewDocument{ID: body.ID}
	if err != nil {
		return doc, err
	}
	doc.Payload, err = body.payload()
	return doc, err
}
