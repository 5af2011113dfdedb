package postgres_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/embed"
	"lindero/fault"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/search/lexical/analysis"
	"lindero/store"
	"lindero/store/filter"
	"lindero/store/postgres"
	"lindero/tenant"
)

// neighbours are two tenants of one database: the owner has things, the intruder knows all their names and
// ids and has nothing of its own but the collection every tenant has.
type neighbours struct {
	*testing.T
	owner, intruder *env
	work            store.Work // the owner's, waiting
	op              store.Operation
	key             tenant.Key
}

func newNeighbours(t *testing.T) *neighbours {
	f := storefixture.New(t)
	n := &neighbours{T: t}
	n.owner = &env{TB: t, Fixture: f, Tenant: f.Tenant(t, storefixture.External), ctx: t.Context()}
	n.intruder = &env{TB: t, Fixture: f, Tenant: f.Tenant(t, storefixture.External), ctx: t.Context()}
	n.owner.put("a", "secret")
	n.owner.index()
	n.op = n.owner.put("waiting", "more").Operation
	n.work = n.owner.load()
	var err error
	if n.key, _, err = n.owner.Handle.CreateKey(t.Context(), tenant.KeySpec{Name: "key", Role: tenant.Reader}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.owner.Handle.BeginIdempotent(t.Context(), "k", []byte("owner")); err != nil {
		t.Fatal(err)
	}
	return n
}

// state is everything the owner has, as rows of all tables that carry a tenant.
func (n *neighbours) state() map[string]string {
	n.Helper()
	state := map[string]string{}
	for _, table := range []string{"collections", "collection_counters", "documents", "document_payloads", "document_fields", "chunks",
		"chunk_vectors", "lexical_segments", "lexical_postings", "lexical_deleted", "operations", "operation_errors", "work_items",
		"idempotency_keys", "api_keys", "embedding_cache"} {
		var rows string
		n.owner.Query(n, n.owner.Tenant.ID, "SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM "+table+" t", &rows)
		state[table] = rows
	}
	return state
}

func (n *neighbours) notFound(err error) {
	n.Helper()
	if !fault.Is(err, fault.NotFound) {
		n.Errorf("got %v, want not_found", err)
	}
}

func (n *neighbours) nothing(count int, err error) {
	n.Helper()
	if count != 0 || err != nil {
		n.Errorf("got %d of the neighbour's things, error %v", count, err)
	}
}

func (n *neighbours) fine(err error) {
	n.Helper()
	if err != nil {
		n.Error(err)
	}
}

// isolationCases call one method each as the intruder, aimed at the owner's things.
var isolationCases = map[string]func(n *neighbours, h *postgres.Handle){
	"AcceptDocuments": func(n *neighbours, h *postgres.Handle) {
		docs := []store.NewDocument{storefixture.Split("a", "x", storefixture.Dimensions)}
		_, err := h.AcceptDocuments(n.Context(), n.owner.Collection, docs, store.AcceptOptions{})
		n.notFound(err)
		_, err = h.AcceptDocuments(n.Context(), n.intruder.Collection, docs, store.AcceptOptions{Operation: n.op.ID})
		n.notFound(err)
	},
	"BeginIdempotent": func(n *neighbours, h *postgres.Handle) {
		replay, err := h.BeginIdempotent(n.Context(), "k", []byte("intruder"))
		if replay != nil {
			n.Error("replayed the neighbour's answer")
		}
		n.fine(err)
	},
	"FinishIdempotent":  func(n *neighbours, h *postgres.Handle) { n.fine(h.FinishIdempotent(n.Context(), "k", 200, nil)) },
	"AbandonIdempotent": func(n *neighbours, h *postgres.Handle) { n.fine(h.AbandonIdempotent(n.Context(), "k")) },
	"CancelOperation": func(n *neighbours, h *postgres.Handle) {
		_, err := h.CancelOperation(n.Context(), n.op.ID)
		n.notFound(err)
	},
	"Chunks": func(n *neighbours, h *postgres.Handle) {
		_, err := h.Chunks(n.Context(), "default", "a", store.Page{Limit: 10})
		n.notFound(err)
	},
	"CloseAbandoned": func(n *neighbours, h *postgres.Handle) {
		_, err := h.CloseAbandoned(n.Context(), n.op.ID)
		n.fine(err)
	},
	"Collection": func(n *neighbours, h *postgres.Handle) {
		c, err := h.Collection(n.Context(), "default")
		n.fine(err)
		if c.ID != n.intruder.Collection.ID {
			n.Error("got the neighbour's collection")
		}
	},
	"CollectionsNamed": func(n *neighbours, h *postgres.Handle) {
		list, err := h.CollectionsNamed(n.Context(), []string{"default"})
		n.fine(err)
		if len(list) != 1 || list[0].ID != n.intruder.Collection.ID {
			n.Errorf("got %+v", list)
		}
	},
	"Collections": func(n *neighbours, h *postgres.Handle) {
		list, err := h.Collections(n.Context(), store.Page{Limit: 10})
		n.fine(err)
		if len(list.Items) != 1 || list.Items[0].ID != n.intruder.Collection.ID {
			n.Errorf("got %+v", list)
		}
	},
	"CollectionStats": func(n *neighbours, h *postgres.Handle) {
		stats, err := h.CollectionStats(n.Context(), []uuid.UUID{n.owner.Collection.ID})
		n.nothing(int(stats[n.owner.Collection.ID].Documents+stats[n.owner.Collection.ID].Chunks), err)
	},
	"Content": func(n *neighbours, h *postgres.Handle) {
		_, _, err := h.Content(n.Context(), "default", "a")
		n.notFound(err)
	},
	"CreateKey": func(n *neighbours, h *postgres.Handle) {
		_, _, err := h.CreateKey(n.Context(), tenant.KeySpec{Name: "key", Role: tenant.Reader})
		n.fine(err)
	},
	"DeleteCollection": func(n *neighbours, h *postgres.Handle) { n.fine(h.DeleteCollection(n.Context(), "default")) },
	"DeleteDocument":   func(n *neighbours, h *postgres.Handle) { n.notFound(h.DeleteDocument(n.Context(), "default", "a")) },
	"DeleteDocuments": func(n *neighbours, h *postgres.Handle) {
		deleted, err := h.DeleteDocuments(n.Context(), "default", []string{"a", "waiting"})
		n.nothing(int(deleted), err)
	},
	"DeleteDocumentsWhere": func(n *neighbours, h *postgres.Handle) {
		expr, err := filter.Parse("filter", json.RawMessage(`{"id":{"$exists":true}}`))
		n.fine(err)
		deleted, err := h.DeleteDocumentsWhere(n.Context(), "default", expr)
		n.nothing(int(deleted), err)
	},
	"Document": func(n *neighbours, h *postgres.Handle) {
		_, err := h.Document(n.Context(), "default", "a")
		n.notFound(err)
	},
	"Documents": func(n *neighbours, h *postgres.Handle) {
		list, err := h.Documents(n.Context(), "default", store.DocumentQuery{Page: store.Page{Limit: 10}})
		n.nothing(len(list.Items), err)
	},
	"DropWork": func(n *neighbours, h *postgres.Handle) {
		n.fine(h.DropWork(n.Context(), n.owner.Collection.ID, n.work.Items))
	},
	"EmbeddingCache": func(n *neighbours, h *postgres.Handle) {
		profile, hash := embed.Profile{Provider: embed.ProviderOpenAI, Model: "m", Dimensions: 2}, embed.Hash("text", embed.Passage)
		n.fine(n.owner.Handle.EmbeddingCache().Put(n.Context(), profile, map[[32]byte][]float32{hash: {1, 0}}))
		found, err := h.EmbeddingCache().Get(n.Context(), profile, [][32]byte{hash})
		n.nothing(len(found), err)
		n.owner.Exec(n, n.owner.Tenant.ID, "DELETE FROM embedding_cache")
	},
	"FailWork": func(n *neighbours, h *postgres.Handle) {
		n.fine(h.FailWork(n.Context(), n.owner.Collection.ID, []store.Failure{{Item: n.work.Items[0], Code: "x", Detail: "x"}}))
	},
	"FinishAccepting": func(n *neighbours, h *postgres.Handle) { n.notFound(h.FinishAccepting(n.Context(), n.op.ID)) },
	"Keys": func(n *neighbours, h *postgres.Handle) {
		list, err := h.Keys(n.Context(), store.Page{Limit: 10})
		n.nothing(len(list.Items), err)
	},
	"MarkProcessing": func(n *neighbours, h *postgres.Handle) {
		n.fine(h.MarkProcessing(n.Context(), n.owner.Collection.ID, n.work.Items))
	},
	"MergeSegments": func(n *neighbours, h *postgres.Handle) { _ = h.MergeSegments(n.Context(), n.owner.Collection.ID) },
	"NextDue": func(n *neighbours, h *postgres.Handle) {
		n.fine(pgx.BeginFunc(n.Context(), n.intruder.Store.Pool(), func(tx pgx.Tx) error {
			due, err := h.NextDue(n.Context(), tx)
			if due != nil {
				n.Error("saw the neighbour's work")
			}
			return err
		}))
	},
	"NextWork": func(n *neighbours, h *postgres.Handle) {
		work, err := h.NextWork(n.Context(), store.WorkLimit{Items: 10, Bytes: 1 << 20}, nil)
		n.nothing(len(work.Items), err)
	},
	"Operation": func(n *neighbours, h *postgres.Handle) {
		_, err := h.Operation(n.Context(), n.op.ID)
		n.notFound(err)
	},
	"Operations": func(n *neighbours, h *postgres.Handle) {
		list, err := h.Operations(n.Context(), "", store.Page{Limit: 10})
		n.nothing(len(list.Items), err)
	},
	"PatchDocument": func(n *neighbours, h *postgres.Handle) {
		_, err := h.PatchDocument(n.Context(), "default", "a", store.Patch{Title: pointer("stolen")})
		n.notFound(err)
	},
	"Publish": func(n *neighbours, h *postgres.Handle) {
		_, err := h.Publish(n.Context(), n.owner.Collection, prepare(n.work.Items))
		n.notFound(err)
	},
	"PurgeCollection": func(n *neighbours, h *postgres.Handle) {
		n.fine(h.PurgeCollection(n.Context(), n.owner.Collection.ID))
	},
	"PurgeTenant": func(n *neighbours, h *postgres.Handle) {
		_ = h.PurgeTenant(n.Context()) // refused, or the intruder's own: the owner's state tells
	},
	"PutCollection": func(n *neighbours, h *postgres.Handle) {
		_, created, err := h.PutCollection(n.Context(), n.intruder.Collection.CollectionSpec)
		n.fine(err)
		if created {
			n.Error("the intruder's own collection was not found")
		}
	},
	"Retrieve": func(n *neighbours, h *postgres.Handle) {
		snapshot, err := h.Retrieve(n.Context(), search.Plan{Targets: []search.Target{{
			Collection: n.owner.Collection, Vector: []float32{1, 0, 0, 0}, Limit: 10, Exact: true,
			Terms: analysis.QueryTerms([]string{"en"}, "secret"),
		}}})
		if err != nil {
			return
		}
		defer snapshot.Close()
		for _, found := range snapshot.Retrieved() {
			if len(found.Vector) > 0 || found.Lexical != nil && len(found.Lexical.Terms) > 0 && !found.Stale {
				n.Errorf("found %+v", found)
			}
		}
	},
	"RetryWork": func(n *neighbours, h *postgres.Handle) {
		n.fine(h.RetryWork(n.Context(), n.owner.Collection.ID, n.work.Items, time.Hour))
	},
	"RevokeKey": func(n *neighbours, h *postgres.Handle) { n.notFound(h.RevokeKey(n.Context(), n.key.ID)) },
	"RotateKey": func(n *neighbours, h *postgres.Handle) {
		_, _, err := h.RotateKey(n.Context(), n.key.ID)
		n.notFound(err)
	},
	"StartOperation": func(n *neighbours, h *postgres.Handle) {
		_, err := h.StartOperation(n.Context(), "ingest")
		n.fine(err)
	},
	"Tenant": func(n *neighbours, h *postgres.Handle) {
		got, err := h.Tenant(n.Context())
		n.fine(err)
		if got.ID != n.intruder.Tenant.ID {
			n.Error("got the neighbour")
		}
	},
	"WaitOperation": func(n *neighbours, h *postgres.Handle) {
		_, err := h.WaitOperation(n.Context(), n.op.ID)
		n.notFound(err)
	},
}

// TestEveryMethodIsIsolated calls each method of the handle as a tenant that aims at another's things: it must
// get nothing, and change nothing of the other's. A method without a case fails the test.
func TestEveryMethodIsIsolated(t *testing.T) {
	t.Parallel()
	handle := reflect.TypeFor[*postgres.Handle]()
	for i := range handle.NumMethod() {
		if name := handle.Method(i).Name; isolationCases[name] == nil {
			t.Errorf("method %s of the handle has no isolation case", name)
		}
	}
	n := newNeighbours(t)
	before := n.state()
	for name, try := range isolationCases {
		t.Run(name, func(t *testing.T) {
			own := n.intruder.Fixture.Tenant(t, storefixture.External) // fresh, for cases that destroy
			intruder := &env{TB: t, Fixture: n.intruder.Fixture, Tenant: own, ctx: t.Context()}
			try(&neighbours{T: t, owner: n.owner, intruder: intruder, work: n.work, op: n.op, key: n.key}, own.Handle)
			if diff := cmp.Diff(before, n.state()); diff != "" {
				t.Errorf("the neighbour's rows changed: %s", diff)
			}
		})
	}
}
