package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/filter"
	"lindero/store/postgres"
	"lindero/store/queue"
	"lindero/tenant"
)

var firstPage = store.Page{Limit: 100}

// everything is a filter that all documents match.
func everything() filter.Expr {
	expr, err := filter.Parse("filter", json.RawMessage(`{"$id": {"$exists": true}}`))
	if err != nil {
		panic(err)
	}
	return expr
}

func init() {
	registerCollectionCases()
	registerKeyCases()
	registerDocumentCases()
	registerOperationCases()
	registerWorkCases()
	registerSearchCases()
	registerWebhookCases()
	registerOutboxCases()
}

func registerCollectionCases() {
	registerIsolationCase("Collection", func(n *neighbours, h *postgres.Handle) (any, error) { return h.Collection(n.b.ctx, "default") })
	registerIsolationCase("CollectionsNamed", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.CollectionsNamed(n.b.ctx, []string{"default"})
	})
	registerIsolationCase("Collections", func(n *neighbours, h *postgres.Handle) (any, error) { return h.Collections(n.b.ctx, firstPage) })
	registerIsolationCase("CollectionStats", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.CollectionStats(n.b.ctx, []uuid.UUID{n.a.Collection.ID})
	})
	registerIsolationCase("PutCollection", func(n *neighbours, h *postgres.Handle) (any, error) {
		spec := n.b.Collection.CollectionSpec
		spec.Description = "another"
		c, _, err := h.PutCollection(n.b.ctx, spec)
		return c, err
	})
	registerIsolationCase("DeleteCollection", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.DeleteCollection(n.b.ctx, "default")
	})
	registerIsolationCase("PurgeCollection", func(n *neighbours, h *postgres.Handle) (any, error) {
		if h == n.a.Handle { // A has deleted it: now there is something to purge
			if err := h.DeleteCollection(n.b.ctx, "default"); err != nil {
				return nil, err
			}
		}
		return nil, h.PurgeCollection(n.b.ctx, n.a.Collection.ID)
	})
	registerIsolationCase("PlaceCollection", func(n *neighbours, h *postgres.Handle) (any, error) {
		if h == n.a.Handle { // an operator wants an index: now there is a move due
			n.a.Exec(n.a, n.a.ID, `INSERT INTO collection_placements (tenant_id, collection_id, state, forced)
				SELECT tenant_id, id, 'settled', 'hnsw' FROM collections`)
		}
		return h.PlaceCollection(n.b.ctx, n.a.Collection.ID)
	})
	registerIsolationCase("SetEfSearch", func(n *neighbours, h *postgres.Handle) (any, error) {
		state, err := n.a.Handle.RecallState(n.a.ctx, n.a.Collection.ID)
		if err != nil {
			return nil, err
		}
		return nil, h.SetEfSearch(n.b.ctx, state, 77)
	})
	registerIsolationCase("PutSettings", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.PutSettings(n.b.ctx, json.RawMessage(`{"of":"b"}`))
	})
	registerIsolationCase("Tenant", func(n *neighbours, h *postgres.Handle) (any, error) { return h.Tenant(n.b.ctx) })
	registerIsolationCase("PurgeTenant", func(n *neighbours, h *postgres.Handle) (any, error) {
		whom := n.b.ID
		if h == n.a.Handle {
			whom = n.a.ID
		}
		asOwner(n.a.TB, n.a.OwnerURL, `UPDATE tenants SET state = 'deleting' WHERE id = '`+whom.String()+`'`)
		return nil, h.PurgeTenant(n.b.ctx)
	})
}

func registerKeyCases() {
	registerIsolationCase("CreateKey", func(n *neighbours, h *postgres.Handle) (any, error) {
		k, _, err := h.CreateKey(n.b.ctx, tenant.KeySpec{Name: "k", Role: tenant.Reader})
		return k, err
	})
	registerIsolationCase("Keys", func(n *neighbours, h *postgres.Handle) (any, error) { return h.Keys(n.b.ctx, firstPage) })
	registerIsolationCase("RevokeKey", func(n *neighbours, h *postgres.Handle) (any, error) { return nil, h.RevokeKey(n.b.ctx, n.key) })
	registerIsolationCase("KeysUsed", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.KeysUsed(n.b.ctx, map[string]time.Time{n.key: time.Now()})
	})
	registerIsolationCase("RotateKey", func(n *neighbours, h *postgres.Handle) (any, error) {
		k, _, err := h.RotateKey(n.b.ctx, n.key)
		return k, err
	})
}

func registerDocumentCases() {
	registerIsolationCase("AcceptDocuments", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.AcceptDocuments(n.b.ctx, n.a.Collection, []store.NewDocument{storefixture.Split("a", "new text", storefixture.Dimensions)}, store.AcceptOptions{})
	})
	registerIsolationCase("Document", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.Document(n.b.ctx, "default", marker)
	})
	registerIsolationCase("Documents", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.Documents(n.b.ctx, "default", store.DocumentQuery{Filter: everything(), Page: firstPage})
	})
	registerIsolationCase("DocumentStates", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.DocumentStates(n.b.ctx, "default", []string{"a", marker})
	})
	registerIsolationCase("PatchDocument", func(n *neighbours, h *postgres.Handle) (any, error) {
		title := "changed"
		return h.PatchDocument(n.b.ctx, "default", "a", store.Patch{Title: &title})
	})
	registerIsolationCase("DeleteDocument", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.DeleteDocument(n.b.ctx, "default", marker)
	})
	registerIsolationCase("DeleteDocuments", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.DeleteDocuments(n.b.ctx, "default", []string{"a", marker})
	})
	registerIsolationCase("DeleteDocumentsWhere", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.DeleteDocumentsWhere(n.b.ctx, "default", everything())
	})
	registerIsolationCase("Chunks", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.Chunks(n.b.ctx, "default", "a", firstPage)
	})
	registerIsolationCase("Content", func(n *neighbours, h *postgres.Handle) (any, error) {
		_, body, err := h.Content(n.b.ctx, "default", "a")
		return string(body), err
	})
	registerIsolationCase("BeginIdempotent", func(n *neighbours, h *postgres.Handle) (any, error) {
		replay, err := h.BeginIdempotent(n.b.ctx, n.idempotent, []byte("request"))
		if replay == nil {
			return nil, err
		}
		return string(replay.Body), err
	})
	registerIsolationCase("FinishIdempotent", func(n *neighbours, h *postgres.Handle) (any, error) {
		if h == n.a.Handle { // only an unfinished one can be finished
			asOwner(n.a.TB, n.a.OwnerURL, `UPDATE idempotency_keys SET status = NULL, response = NULL`)
		}
		return nil, h.FinishIdempotent(n.b.ctx, n.idempotent, 500, []byte("other"))
	})
	registerIsolationCase("AbandonIdempotent", func(n *neighbours, h *postgres.Handle) (any, error) {
		if h == n.a.Handle {
			asOwner(n.a.TB, n.a.OwnerURL, `UPDATE idempotency_keys SET status = NULL, response = NULL`)
		}
		return nil, h.AbandonIdempotent(n.b.ctx, n.idempotent)
	})
}

func registerOperationCases() {
	registerIsolationCase("StartOperation", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.StartOperation(n.b.ctx, "ingest")
	})
	registerIsolationCase("FinishAccepting", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.FinishAccepting(n.b.ctx, n.operation)
	})
	registerIsolationCase("CloseAbandoned", func(n *neighbours, h *postgres.Handle) (any, error) {
		if h == n.a.Handle {
			asOwner(n.a.TB, n.a.OwnerURL, `UPDATE operations SET active_at = now() - interval '1 day'`)
		}
		return h.CloseAbandoned(n.b.ctx, n.operation)
	})
	registerIsolationCase("Operation", func(n *neighbours, h *postgres.Handle) (any, error) { return h.Operation(n.b.ctx, n.operation) })
	registerIsolationCase("Operations", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.Operations(n.b.ctx, "", firstPage)
	})
	registerIsolationCase("CancelOperation", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.CancelOperation(n.b.ctx, n.operation)
	})
	registerIsolationCase("WaitOperation", func(n *neighbours, h *postgres.Handle) (any, error) {
		ctx, cancel := context.WithTimeout(n.b.ctx, 50*time.Millisecond)
		defer cancel()
		return h.WaitOperation(ctx, n.operation)
	})
}

func registerWorkCases() {
	registerIsolationCase("BeginTurn", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.BeginTurn(n.b.ctx, turn) // A's own claims are freed
	})
	registerIsolationCase("TurnClasses", func(n *neighbours, h *postgres.Handle) (any, error) {
		// A may have one turn at once, for both classes: the answer says whose limits were read.
		asOwner(n.a.TB, n.a.OwnerURL, `UPDATE tenants SET limits = '{"ingest_concurrency": 1}' WHERE id = '`+n.a.ID.String()+`'`)
		defer asOwner(n.a.TB, n.a.OwnerURL, `UPDATE tenants SET limits = '{}' WHERE id = '`+n.a.ID.String()+`'`)
		classes, err := h.TurnClasses(n.b.ctx, turn)
		if len(classes) == 2 {
			return marker, err
		}
		return classes, err
	})
	registerIsolationCase("Gathers", func(n *neighbours, h *postgres.Handle) (any, error) {
		// A has one document of bulk that waits, and an operation that has not been silent.
		asOwner(n.a.TB, n.a.OwnerURL, `UPDATE work_items SET priority = 1, lane = NULL, worker = NULL WHERE tenant_id = '`+n.a.ID.String()+`'`)
		defer asOwner(n.a.TB, n.a.OwnerURL, fmt.Sprintf(`UPDATE work_items SET priority = 0, lane = %d, worker = '%s' WHERE tenant_id = '%s'`,
			turn.Lane, turn.Worker, n.a.ID))
		more, err := h.Gathers(n.b.ctx, 1, store.WorkLimit{Items: 10, Bytes: 1 << 20})
		if more {
			return marker, err
		}
		return more, err
	})
	registerIsolationCase("ClaimWork", func(n *neighbours, h *postgres.Handle) (any, error) {
		if h == n.a.Handle {
			if _, err := h.BeginTurn(n.b.ctx, turn); err != nil {
				return nil, err
			}
		}
		return h.ClaimWork(n.b.ctx, turn, allClasses, store.WorkLimit{Items: 10, Bytes: 1 << 20, Suspects: 1})
	})
	registerIsolationCase("ReleaseWork", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.ReleaseWork(n.b.ctx, turn, n.a.Collection.ID, n.work)
	})
	registerIsolationCase("WakeLane", func(n *neighbours, h *postgres.Handle) (any, error) {
		asOwner(n.a.TB, n.a.OwnerURL, `UPDATE tenants SET limits = '{"ingest_concurrency": 3}' WHERE id = '`+n.a.ID.String()+`'`)
		defer asOwner(n.a.TB, n.a.OwnerURL, `UPDATE tenants SET limits = '{}' WHERE id = '`+n.a.ID.String()+`'`)
		err := h.WakeLane(n.b.ctx, 1)
		return drainsOf(n, 1), err
	})
	registerIsolationCase("Reschedule", func(n *neighbours, h *postgres.Handle) (found any, err error) {
		if _, err := n.a.Handle.BeginTurn(n.b.ctx, turn); err != nil {
			return nil, err
		}
		defer n.a.load() // claimed as before
		err = pgx.BeginFunc(n.b.ctx, n.a.Store.Pool(), func(tx pgx.Tx) error {
			single := store.Turn{Lane: queue.SingleLane, Queue: queue.Single}
			again, err := h.Reschedule(n.b.ctx, tx, single)
			if again { // B has no work: this is A's
				found = marker
			}
			return err
		})
		return found, err
	})
	registerIsolationCase("Queue", func(n *neighbours, h *postgres.Handle) (any, error) {
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) { // the count may be B's own of a moment ago
			q, err := h.Queue(n.b.ctx)
			if err != nil || q.Documents == 0 {
				return q, err
			}
			if time.Now().After(deadline) { // B has no work: this is A's
				return marker, err
			}
		}
	})
	registerIsolationCase("RetryDocument", func(n *neighbours, h *postgres.Handle) (any, error) {
		if h == n.a.Handle {
			fail(n)
		}
		return h.RetryDocument(n.b.ctx, "default", "waiting")
	})
	registerIsolationCase("RetryOperation", func(n *neighbours, h *postgres.Handle) (any, error) {
		if h == n.a.Handle {
			fail(n)
		}
		return h.RetryOperation(n.b.ctx, n.work[0].Operation)
	})
	registerIsolationCase("MarkProcessing", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.MarkProcessing(n.b.ctx, n.a.Collection.ID, n.work)
	})
	registerIsolationCase("RetryWork", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.RetryWork(n.b.ctx, n.a.Collection.ID, n.work, time.Hour)
	})
	registerIsolationCase("FailWork", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.FailWork(n.b.ctx, n.a.Collection.ID, []store.Failure{{Item: n.work[0], Code: "damaged", Detail: "x"}})
	})
	registerIsolationCase("DropWork", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.DropWork(n.b.ctx, n.a.Collection.ID, n.work)
	})
	registerIsolationCase("Publish", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.Publish(n.b.ctx, n.a.Collection, prepare(n.work))
	})
}

// fail sets A's work aside.
func fail(n *neighbours) {
	if err := n.a.Handle.FailWork(n.b.ctx, n.a.Collection.ID, []store.Failure{{Item: n.work[0], Code: "damaged", Detail: "x"}}); err != nil {
		n.a.Fatal(err)
	}
}

// drainsOf is A's marker when the queue has a job of A's for the lane.
func drainsOf(n *neighbours, lane int) any {
	var there bool
	queryRow(n.a.TB, n.a.OwnerURL, fmt.Sprintf(`SELECT EXISTS (SELECT FROM river.river_job WHERE args @> '{"tenant_id": "%s", "lane": %d}')`, n.a.ID, lane), &there)
	if there {
		return marker
	}
	return nil
}

func registerSearchCases() {
	registerIsolationCase("EmbeddingCache", func(n *neighbours, h *postgres.Handle) (any, error) {
		cached, err := h.EmbeddingCache().Get(n.b.ctx, cachedProfile, [][32]byte{n.embedded})
		if len(cached) > 0 {
			return marker, err
		}
		return nil, err
	})
	registerIsolationCase("MergeSegments", func(n *neighbours, h *postgres.Handle) (any, error) {
		_, err := h.MergeSegments(n.b.ctx, n.a.Collection.ID)
		return nil, err
	})
	registerIsolationCase("MergeDue", func(n *neighbours, h *postgres.Handle) (found any, err error) {
		err = pgx.BeginFunc(n.b.ctx, n.a.Store.Pool(), func(tx pgx.Tx) error {
			due, err := h.MergeDue(n.b.ctx, tx, n.a.Collection.ID)
			if due {
				found = marker
			}
			return err
		})
		return found, err
	})
	registerIsolationCase("SampleVectors", func(n *neighbours, h *postgres.Handle) (any, error) {
		vectors, err := h.SampleVectors(n.b.ctx, n.a.Collection.ID, 10)
		if len(vectors) > 0 { // B has none in A's collection: these are A's
			return marker, err
		}
		return nil, err
	})
	registerIsolationCase("RecallState", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.RecallState(n.b.ctx, n.a.Collection.ID)
	})
	registerIsolationCase("RecordRecall", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.RecordRecall(n.b.ctx, n.a.Collection.ID, store.RecallMeasurement{Recall: .5, Queries: 1})
	})
	registerIsolationCase("ForgetRecall", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.ForgetRecall(n.b.ctx, n.outside.ID)
	})
	// Retrieve asks for everything near in A's collection, and hydrates the ordinals that A has.
	registerIsolationCase("Retrieve", func(n *neighbours, h *postgres.Handle) (any, error) {
		snapshot, err := h.Retrieve(n.b.ctx, search.Plan{Targets: []search.Target{{
			Collection: n.a.Collection, Vector: []float32{1, 0, 0, 0}, Terms: n.searched, Limit: 100,
		}}})
		if err != nil {
			return nil, err
		}
		defer snapshot.Close()
		keys := make([]search.Key, 100)
		for i := range keys {
			keys[i] = search.Key{Collection: n.a.Collection.ID, Ordinal: int64(i)}
		}
		passages, err := snapshot.Hydrate(n.b.ctx, keys, false)
		texts := []string{}
		for _, p := range passages {
			texts = append(texts, p.Text)
		}
		return []any{snapshot.Retrieved()[0].Vector, texts}, err
	})
}

func registerWebhookCases() {
	registerIsolationCase("CreateWebhook", func(n *neighbours, h *postgres.Handle) (any, error) {
		w, _, err := h.CreateWebhook(n.b.ctx, store.WebhookSpec{URL: "https://example.com/new", Events: []string{store.EventOperationFinished}})
		return w, err
	})
	registerIsolationCase("Webhooks", func(n *neighbours, h *postgres.Handle) (any, error) { return h.Webhooks(n.b.ctx, firstPage) })
	registerIsolationCase("DeleteWebhook", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.DeleteWebhook(n.b.ctx, n.delivery.WebhookID)
	})
	registerIsolationCase("DueDeliveries", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.DueDeliveries(n.b.ctx, 10, nil)
	})
	registerIsolationCase("RecordDelivery", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.RecordDelivery(n.b.ctx, n.delivery, store.DeliveryOutcome{Code: "status", Retry: time.Hour})
	})
	registerIsolationCase("RescheduleDeliveries", func(n *neighbours, h *postgres.Handle) (found any, err error) {
		err = pgx.BeginFunc(n.b.ctx, n.a.Store.Pool(), func(tx pgx.Tx) error {
			again, err := h.RescheduleDeliveries(n.b.ctx, tx)
			if again { // B has no webhook: this is A's
				found = marker
			}
			return err
		})
		return found, err
	})
}
