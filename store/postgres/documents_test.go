package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"lindero/fault"
	"lindero/internal/storefixture"
	"lindero/search/lexical/analysis"
	"lindero/store"
	"lindero/store/queue"
)

// env is one tenant of a database of its own.
type env struct {
	testing.TB
	*storefixture.Fixture
	storefixture.Tenant
	ctx context.Context
}

func newEnv(tb testing.TB) *env {
	f := storefixture.New(tb)
	return &env{TB: tb, Fixture: f, Tenant: f.Tenant(tb, storefixture.External), ctx: context.Background()}
}

func (e *env) accept(docs ...store.NewDocument) []store.Accepted {
	e.Helper()
	accepted, err := e.Handle.AcceptDocuments(e.ctx, e.Collection, docs, store.AcceptOptions{})
	if err != nil {
		e.Fatal(err)
	}
	return accepted
}

func (e *env) put(id, text string) store.Accepted {
	e.Helper()
	return e.accept(storefixture.Split(id, text, storefixture.Dimensions))[0]
}

// turn is one that may take everything; loads of the same test free what the one before claimed.
var turn = store.Turn{Queue: queue.Ingest, Worker: uuid.New()}

var allClasses = []store.Class{store.Single, store.Bulk}

// load claims and reads the work that is due.
func (e *env) load() store.Work {
	e.Helper()
	if _, err := e.Handle.BeginTurn(e.ctx, turn); err != nil {
		e.Fatal(err)
	}
	work, err := e.Handle.ClaimWork(e.ctx, turn, allClasses, store.WorkLimit{Items: 1000, Bytes: 1 << 30, Suspects: 30})
	if err != nil {
		e.Fatal(err)
	}
	return work
}

func prepare(items []store.WorkItem) []store.Prepared {
	prepared := make([]store.Prepared, len(items))
	for i, item := range items {
		p := item.Payload
		prepared[i] = store.Prepared{Item: item, Title: p.Title, Language: "en", Metadata: p.Metadata}
		for _, part := range p.Parts {
			prepared[i].Passages = append(prepared[i].Passages, store.Passage{
				Text: part.Text, End: len(part.Text), Vector: part.Vector,
				Terms: analysis.For("en").Terms(store.IndexedText(p.Title, "", part.Text)),
			})
		}
	}
	return prepared
}

func (e *env) publish(work store.Work) store.Published {
	e.Helper()
	published, err := e.Handle.Publish(e.ctx, e.Collection, prepare(work.Items))
	if err != nil {
		e.Fatal(err)
	}
	return published
}

func (e *env) index() store.Published {
	e.Helper()
	work := e.load()
	return e.publish(work)
}

func (e *env) document(id string) store.Document {
	e.Helper()
	doc, err := e.Handle.Document(e.ctx, "default", id)
	if err != nil {
		e.Fatal(err)
	}
	return doc
}

func (e *env) operation(id uuid.UUID) store.Operation {
	e.Helper()
	op, err := e.Handle.Operation(e.ctx, id)
	if err != nil {
		e.Fatal(err)
	}
	return op
}

func (e *env) texts(id string) []string {
	e.Helper()
	chunks, err := e.Handle.Chunks(e.ctx, "default", id, store.Page{Limit: 100})
	if err != nil {
		e.Fatal(err)
	}
	texts := []string{}
	for _, c := range chunks.Items {
		texts = append(texts, c.Text)
	}
	return texts
}

func (e *env) count(what string) (n int) {
	e.Helper()
	e.Query(e, e.Tenant.ID, "SELECT count(*) FROM "+what, &n)
	return n
}

// checkConsistent compares what must agree after every history.
func (e *env) checkConsistent() {
	e.Helper()
	chunks := e.count("chunks")
	if vectors := e.count("chunk_vectors"); vectors != chunks {
		e.Errorf("%d chunks but %d vectors", chunks, vectors)
	}
	if lost := e.count("chunks c WHERE NOT EXISTS (SELECT FROM chunk_vectors v WHERE v.ordinal = c.ordinal)"); lost > 0 {
		e.Errorf("%d chunks without their vector", lost)
	}
	var live int
	e.Query(e, e.Tenant.ID, "SELECT coalesce(sum(chunks), 0) - (SELECT count(*) FROM lexical_deleted) FROM lexical_segments", &live)
	if live != chunks {
		e.Errorf("%d chunks but %d in the lexical index", chunks, live)
	}
	var tokens, want int64
	e.Query(e, e.Tenant.ID, "SELECT coalesce(sum(tokens), 0) - (SELECT coalesce(sum(tokens), 0) FROM lexical_deleted) FROM lexical_segments", &tokens)
	e.Query(e, e.Tenant.ID, "SELECT coalesce(sum(tokens), 0) FROM chunks", &want)
	if tokens != want {
		e.Errorf("the lexical index has %d tokens, the chunks %d", tokens, want)
	}
	if n := e.count("documents d WHERE d.chunks <> (SELECT count(*) FROM chunks c WHERE c.document_key = d.key) AND version > 0"); n > 0 {
		e.Errorf("%d documents with another number of chunks than they say", n)
	}
	if n := e.count(`document_fields f LEFT JOIN (SELECT document_key, min(ordinal) AS first, max(ordinal) AS last, count(*) AS n FROM chunks GROUP BY 1) c
		USING (document_key) WHERE f.chunks <> coalesce(c.n, 0) OR c.n > 0 AND (f.first_ordinal <> c.first OR c.last <> c.first + c.n - 1)`); n > 0 {
		e.Errorf("%d fields with other ordinals than their document's chunks", n)
	}
	if n := e.count("document_payloads p WHERE NOT EXISTS (SELECT FROM documents d WHERE d.key = p.document_key)"); n > 0 {
		e.Errorf("%d payloads without a document", n)
	}
}

func TestPutIndexAndGet(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	accepted := e.put("a", "first text")
	if !accepted.Created || accepted.Unchanged || accepted.Document.Status != store.Pending || accepted.Document.Title != "Title of a" {
		t.Errorf("accepted %+v", accepted)
	}
	if op := accepted.Operation; op.Status != store.Queued || op.Total != 1 || op.Done != 0 {
		t.Errorf("operation %+v", op)
	}
	if got := e.index(); got != (store.Published{Documents: 1, Chunks: 1}) {
		t.Errorf("published %+v", got)
	}
	doc := e.document("a")
	if doc.Status != store.Indexed || doc.Version != 1 || doc.Chunks != 1 || doc.IndexedAt == nil || doc.Language != "en" {
		t.Errorf("document %+v", doc)
	}
	op := e.operation(accepted.Operation.ID)
	if op.Status != store.Succeeded || op.Done != 1 || op.StartedAt == nil || op.FinishedAt == nil {
		t.Errorf("operation %+v", op)
	}
	contentType, body, err := e.Handle.Content(e.ctx, "default", "a")
	if err != nil || contentType != "application/json" || string(body) != `[{"text":"first text"}]` {
		t.Errorf("content %s %s %v", contentType, body, err)
	}
	e.checkConsistent()
}

func TestUnchangedCostsNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "text")
	if again := e.put("a", "text"); !again.Unchanged || again.Operation.ID != uuid.Nil {
		t.Errorf("while pending: %+v", again)
	}
	e.index()
	if again := e.put("a", "text"); !again.Unchanged || again.Document.Status != store.Indexed || again.Document.Collection != "default" {
		t.Errorf("when indexed: %+v", again)
	}
	if n := e.count("work_items"); n != 0 {
		t.Errorf("%d work items", n)
	}
	e.Exec(t, e.Tenant.ID, "UPDATE documents SET status = 'failed'")
	if again := e.put("a", "text"); again.Unchanged {
		t.Error("the same content after a failure was taken for unchanged")
	}
}

func TestReplaceKeepsOldVersionUntilPublished(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "old")
	e.index()
	next := storefixture.Split("a", "new", storefixture.Dimensions)
	next.Payload.Title, next.Payload.Metadata = "New title", json.RawMessage(`{"k":"new"}`)
	if accepted := e.accept(next)[0]; accepted.Created || accepted.Document.Title != "Title of a" || accepted.Document.Version != 2 {
		t.Errorf("accepted %+v", accepted)
	}
	if diff := cmp.Diff([]string{"old"}, e.texts("a")); diff != "" {
		t.Error(diff)
	}
	e.index()
	if diff := cmp.Diff([]string{"new"}, e.texts("a")); diff != "" {
		t.Error(diff)
	}
	if doc := e.document("a"); doc.Title != "New title" || doc.Version != 2 || doc.Chunks != 1 {
		t.Errorf("document %+v", doc)
	}
	if n := e.count("document_payloads"); n != 1 {
		t.Errorf("%d payloads", n)
	}
	if n := e.count("document_fields WHERE text_value = 'new'"); n != 1 || e.count("document_fields") != 1 {
		t.Error("the fields are not those of the new version")
	}
	e.checkConsistent()
}

func TestSupersededVersionCountsAsDone(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	first := e.put("a", "one")
	stale := e.load()
	second := e.put("a", "two")
	if op := e.operation(first.Operation.ID); op.Status != store.Succeeded || op.Done != 1 {
		t.Errorf("superseded operation %+v", op)
	}
	if got := e.publish(stale); got.Documents != 0 || got.Outdated != 1 {
		t.Errorf("a superseded version was published: %+v", got)
	}
	e.index()
	if diff := cmp.Diff([]string{"two"}, e.texts("a")); diff != "" {
		t.Error(diff)
	}
	if op := e.operation(second.Operation.ID); op.Status != store.Succeeded {
		t.Errorf("operation %+v", op)
	}
	e.checkConsistent()
}

func TestTwoDrainsOfTheSameBatchPublishOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var docs []store.NewDocument
	for i := range 50 {
		docs = append(docs, storefixture.Split(fmt.Sprint("d", i), fmt.Sprint("text ", i), storefixture.Dimensions))
	}
	op := e.accept(docs...)[0].Operation
	work := e.load()
	results := make(chan store.Published, 4)
	for range 4 {
		go func() { results <- e.publish(work) }()
	}
	sum := 0
	for range 4 {
		sum += (<-results).Documents
	}
	if sum != 50 || e.count("chunks") != 50 {
		t.Errorf("%d documents published, %d chunks", sum, e.count("chunks"))
	}
	if got := e.operation(op.ID); got.Done != 50 || got.Status != store.Succeeded {
		t.Errorf("operation %+v", got)
	}
	e.checkConsistent()
}

func TestRepeatedIDsInOneCall(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	accepted := e.accept(storefixture.Split("a", "early", 4), storefixture.Split("b", "b", 4), storefixture.Split("a", "late", 4))
	if len(accepted) != 3 || accepted[0].Document.ID != "a" || accepted[1].Document.ID != "b" || accepted[2].Document.ID != "a" {
		t.Fatalf("answers %+v", accepted)
	}
	if op := accepted[0].Operation; op.Total != 3 || op.Done != 1 {
		t.Errorf("operation %+v", op)
	}
	e.index()
	if diff := cmp.Diff([]string{"late"}, e.texts("a")); diff != "" {
		t.Error(diff)
	}
	if op := e.operation(accepted[0].Operation.ID); op.Status != store.Succeeded {
		t.Errorf("operation %+v", op)
	}
}

func TestDeleteDuringIngestion(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "old")
	e.index()
	pending := e.put("a", "new")
	work := e.load()
	if err := e.Handle.DeleteDocument(e.ctx, "default", "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Handle.Document(e.ctx, "default", "a"); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted document: %v", err)
	}
	if got := e.publish(work); got.Documents != 0 {
		t.Errorf("resurrected: %+v", got)
	}
	for _, table := range []string{"chunks", "chunk_vectors", "documents", "document_payloads", "document_fields", "work_items"} {
		if n := e.count(table); n != 0 {
			t.Errorf("%d rows left in %s", n, table)
		}
	}
	if op := e.operation(pending.Operation.ID); op.Status != store.Succeeded {
		t.Errorf("operation %+v", op)
	}
	if err := e.Handle.DeleteDocument(e.ctx, "default", "a"); !fault.Is(err, fault.NotFound) {
		t.Errorf("second deletion: %v", err)
	}
	e.checkConsistent()
}

func TestFailureKeepsVisibleVersion(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "old")
	e.index()
	accepted := e.accept(storefixture.Split("a", "bad", 4), storefixture.Split("b", "good", 4))
	work := e.load()
	var failures []store.Failure
	var rest []store.WorkItem
	for _, item := range work.Items {
		if item.DocumentID == "a" {
			failures = append(failures, store.Failure{Item: item, Code: "damaged", Detail: "cannot be read"})
		} else {
			rest = append(rest, item)
		}
	}
	if err := e.Handle.FailWork(e.ctx, e.Collection.ID, failures); err != nil {
		t.Fatal(err)
	}
	e.publish(store.Work{Items: rest})
	doc := e.document("a")
	if doc.Status != store.Failed || doc.Error == nil || *doc.Error != (store.DocumentError{Code: "damaged", Detail: "cannot be read"}) {
		t.Errorf("document %+v", doc)
	}
	if diff := cmp.Diff([]string{"old"}, e.texts("a")); diff != "" {
		t.Error(diff)
	}
	op := e.operation(accepted[0].Operation.ID)
	if op.Status != store.PartiallyFailed || op.Failed != 1 || op.Done != 2 {
		t.Errorf("operation %+v", op)
	}
	if diff := cmp.Diff([]store.OperationError{{DocumentID: "a", Code: "damaged", Detail: "cannot be read"}}, op.Errors); diff != "" {
		t.Error(diff)
	}
}

func TestCancelPutsDocumentsBack(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "old")
	e.index()
	accepted := e.accept(storefixture.Split("a", "new", 4), storefixture.Split("b", "never", 4))
	work := e.load()
	op, err := e.Handle.CancelOperation(e.ctx, accepted[0].Operation.ID)
	if err != nil || op.Status != store.Cancelled || op.FinishedAt == nil {
		t.Fatalf("%+v %v", op, err)
	}
	if got := e.publish(work); got.Documents != 0 {
		t.Errorf("a cancelled version was published: %+v", got)
	}
	if doc := e.document("a"); doc.Status != store.Indexed || len(e.texts("a")) != 1 {
		t.Errorf("document %+v", doc)
	}
	if doc := e.document("b"); doc.Status != store.Failed || doc.Error.Code != "cancelled" {
		t.Errorf("document %+v", doc)
	}
	if again := e.put("a", "new"); again.Unchanged {
		t.Error("a cancelled version counts as there")
	}
	if _, err := e.Handle.CancelOperation(e.ctx, op.ID); err != nil {
		t.Errorf("cancelling twice: %v", err)
	}
	e.index()
	finished := e.put("c", "c").Operation.ID
	e.index()
	if _, err := e.Handle.CancelOperation(e.ctx, finished); !fault.Is(err, fault.Conflict) {
		t.Errorf("cancelling a finished operation: %v", err)
	}
}

func TestStreamedOperation(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	op, err := e.Handle.StartOperation(e.ctx, "ingest")
	if err != nil {
		t.Fatal(err)
	}
	docs := []store.NewDocument{storefixture.Split("a", "a", 4)}
	opts := store.AcceptOptions{Operation: op.ID, Bulk: true}
	if _, err := e.Handle.AcceptDocuments(e.ctx, e.Collection, docs, opts); err != nil {
		t.Fatal(err)
	}
	e.index()
	if got := e.operation(op.ID); got.Status != store.Running || got.Done != 1 {
		t.Errorf("while accepting: %+v", got)
	}
	if wait, err := e.Handle.CloseAbandoned(e.ctx, op.ID); err != nil || wait < 9*time.Minute {
		t.Errorf("an active operation: %v %v", wait, err)
	}
	if err := e.Handle.FinishAccepting(e.ctx, op.ID); err != nil {
		t.Fatal(err)
	}
	if got := e.operation(op.ID); got.Status != store.Succeeded {
		t.Errorf("at the end: %+v", got)
	}
	if _, err := e.Handle.AcceptDocuments(e.ctx, e.Collection, docs, opts); !fault.Is(err, fault.Conflict) {
		t.Errorf("documents after the end: %v", err)
	}
}

func TestAbandonedOperationEnds(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	op, err := e.Handle.StartOperation(e.ctx, "ingest")
	if err != nil {
		t.Fatal(err)
	}
	e.Exec(t, e.Tenant.ID, "UPDATE operations SET active_at = now() - interval '1 hour'")
	if wait, err := e.Handle.CloseAbandoned(e.ctx, op.ID); err != nil || wait != 0 {
		t.Fatal(wait, err)
	}
	if got := e.operation(op.ID); got.Status != store.Succeeded {
		t.Errorf("%+v", got)
	}
}

func TestListsPageThroughEverything(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i := range 5 {
		e.put(fmt.Sprint("d", i), "text")
	}
	e.index()
	var ids []string
	for page := (store.Page{Limit: 2}); ; {
		list, err := e.Handle.Documents(e.ctx, "default", store.DocumentQuery{Status: store.Indexed, Page: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list.Items {
			ids = append(ids, d.ID)
		}
		if page.After = list.Next; page.After == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"d0", "d1", "d2", "d3", "d4"}, ids); diff != "" {
		t.Error(diff)
	}
	seen := map[uuid.UUID]bool{}
	for page := (store.Page{Limit: 2}); ; {
		list, err := e.Handle.Operations(e.ctx, store.Succeeded, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range list.Items {
			seen[op.ID] = true
		}
		if page.After = list.Next; page.After == "" {
			break
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d operations", len(seen))
	}
}

func TestWaitOperation(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	op := e.put("a", "a").Operation
	short, cancel := context.WithTimeout(e.ctx, 50*time.Millisecond)
	defer cancel()
	if got, err := e.Handle.WaitOperation(short, op.ID); err != nil || got.Status != store.Queued {
		t.Errorf("when the time is over: %+v %v", got, err)
	}
	done := make(chan store.Operation)
	go func() {
		got, _ := e.Handle.WaitOperation(e.ctx, op.ID)
		done <- got
	}()
	e.index()
	if got := <-done; got.Status != store.Succeeded {
		t.Errorf("%+v", got)
	}
}

func TestPurgeCollectionLeavesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "a")
	e.index()
	waiting := e.put("b", "b").Operation.ID
	work := e.load()
	if err := e.Handle.PurgeCollection(e.ctx, e.Collection.ID); err != nil || e.count("documents") != 2 {
		t.Fatalf("a collection that is not deleted was purged: %v", err)
	}
	e.Exec(t, e.Tenant.ID, "UPDATE collections SET deleted_at = now()")
	if got := e.publish(work); got.Documents != 0 {
		t.Errorf("published into a deleted collection: %+v", got)
	}
	for range 2 {
		if err := e.Handle.PurgeCollection(e.ctx, e.Collection.ID); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"collections", "collection_counters", "documents", "document_payloads", "document_fields", "chunks",
		"chunk_vectors", "lexical_segments", "lexical_postings", "lexical_deleted", "work_items"} {
		if n := e.count(table); n != 0 {
			t.Errorf("%d rows left in %s", n, table)
		}
	}
	if op := e.operation(waiting); op.Status != store.Succeeded {
		t.Errorf("operation %+v", op)
	}
	if _, err := e.Handle.AcceptDocuments(e.ctx, e.Collection, []store.NewDocument{storefixture.Split("c", "c", 4)}, store.AcceptOptions{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("accepted into a deleted collection: %v", err)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	h := e.Handle
	if replay, err := h.BeginIdempotent(e.ctx, "k", []byte("r1")); replay != nil || err != nil {
		t.Fatal(replay, err)
	}
	if _, err := h.BeginIdempotent(e.ctx, "k", []byte("r1")); !fault.Is(err, fault.Conflict) {
		t.Errorf("while running: %v", err)
	}
	if _, err := h.BeginIdempotent(e.ctx, "k", []byte("r2")); !fault.Is(err, fault.IdempotencyMismatch) {
		t.Errorf("another request: %v", err)
	}
	if err := h.FinishIdempotent(e.ctx, "k", 202, []byte(`{"x":1}`)); err != nil {
		t.Fatal(err)
	}
	replay, err := h.BeginIdempotent(e.ctx, "k", []byte("r1"))
	if err != nil || replay == nil || replay.Status != 202 || string(replay.Body) != `{"x":1}` {
		t.Errorf("replay %+v %v", replay, err)
	}
	if _, err := h.BeginIdempotent(e.ctx, "k", []byte("r2")); !fault.Is(err, fault.IdempotencyMismatch) {
		t.Errorf("another request: %v", err)
	}
	e.Exec(t, e.Tenant.ID, "UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
	if replay, err := h.BeginIdempotent(e.ctx, "k", []byte("r2")); replay != nil || err != nil {
		t.Errorf("after a day: %+v %v", replay, err)
	}
	if err := h.AbandonIdempotent(e.ctx, "k"); err != nil {
		t.Fatal(err)
	}
	if replay, err := h.BeginIdempotent(e.ctx, "k", []byte("r3")); replay != nil || err != nil {
		t.Errorf("after giving up: %+v %v", replay, err)
	}
}
