package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/embed"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/search/lexical/analysis"
	"lindero/store"
	"lindero/store/filter"
	"lindero/store/postgres"
	"lindero/tenant"
)

// secret stands in everything that the victim owns and in nothing that the intruder does.
const secret = "secretword"

// victim is a tenant with something in every table, and what an intruder might have learnt of it.
type victim struct {
	*env
	operation uuid.UUID
	key       string
	work      store.Work
	hash      [32]byte
}

func newVictim(t *testing.T, f *storefixture.Fixture) *victim {
	t.Helper()
	v := &victim{env: &env{TB: t, Fixture: f, Tenant: f.Tenant(t, storefixture.External), ctx: t.Context()}}
	v.put(secret, secret+" of the victim")
	v.index()
	key, _, err := v.Handle.CreateKey(t.Context(), tenant.KeySpec{Name: secret, Role: tenant.Reader})
	if err != nil {
		t.Fatal(err)
	}
	v.key = key.ID
	v.hash = embed.Hash(secret, embed.Passage)
	profile := embed.Profile{Provider: "openai", Model: "m", Dimensions: storefixture.Dimensions}
	if err := v.Handle.EmbeddingCache().Put(t.Context(), profile, map[[32]byte][]float32{v.hash: {1, 0, 0, 0}}); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Handle.BeginIdempotent(t.Context(), "key", []byte(secret)); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Handle.BeginIdempotent(t.Context(), "open", []byte(secret)); err != nil {
		t.Fatal(err)
	}
	if err := v.Handle.FinishIdempotent(t.Context(), "key", 202, []byte(secret)); err != nil {
		t.Fatal(err)
	}
	v.operation = v.put("waiting "+secret, secret+" still to be indexed").Operation.ID
	v.work = v.load()
	return v
}

// rows is everything the victim owns, as text.
func (v *victim) rows() string {
	v.Helper()
	return rowsSeenBy(v, v.Fixture, v.ID)
}

// rowsSeenBy reads every table of tenants' rows without naming a tenant in the query.
func rowsSeenBy(tb testing.TB, f *storefixture.Fixture, id tenant.ID) string {
	tb.Helper()
	var all strings.Builder
	for _, table := range append([]string{"api_keys", "tenants"}, postgres.TenantTables...) {
		var content string
		f.Query(tb, id, fmt.Sprintf("SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM %s t", table), &content)
		fmt.Fprintln(&all, table, content)
	}
	return all.String()
}

// methodCases call each method with everything an intruder could know of the victim: names, ids and whole
// descriptions. The answer must not hold the secret, and nothing of the victim's may change.
var methodCases = map[string]func(ctx context.Context, h *postgres.Handle, v *victim) (any, error){
	"Collection": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		c, err := h.Collection(ctx, "default")
		return c.ID, err
	},
	"CollectionsNamed": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		c, err := h.CollectionsNamed(ctx, []string{"default"})
		return c[0].ID, err
	},
	"Collections": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return h.Collections(ctx, store.Page{Limit: 10})
	},
	"CollectionStats": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		stats, err := h.CollectionStats(ctx, []uuid.UUID{v.Collection.ID})
		if stats[v.Collection.ID] != (store.CollectionStats{}) {
			return secret, err
		}
		return nil, err
	},
	"PutCollection": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		spec := v.Collection.CollectionSpec
		spec.Description, spec.Metadata = "changed", json.RawMessage(`{}`)
		c, _, err := h.PutCollection(ctx, spec)
		return c.ID, err
	},
	"DeleteCollection": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return nil, h.DeleteCollection(ctx, "default")
	},
	"AcceptDocuments": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		doc := storefixture.Split(secret, "put by an intruder", storefixture.Dimensions)
		_, err := h.AcceptDocuments(ctx, v.Collection, []store.NewDocument{doc}, store.AcceptOptions{})
		return nil, err
	},
	"Document": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return h.Document(ctx, "default", secret)
	},
	"Documents": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return h.Documents(ctx, "default", store.DocumentQuery{Page: store.Page{Limit: 10}})
	},
	"PatchDocument": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		title := "changed"
		_, err := h.PatchDocument(ctx, "default", secret, store.Patch{Title: &title})
		return nil, err
	},
	"DeleteDocument": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return nil, h.DeleteDocument(ctx, "default", secret)
	},
	"DeleteDocuments": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return h.DeleteDocuments(ctx, "default", []string{secret})
	},
	"DeleteDocumentsWhere": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return h.DeleteDocumentsWhere(ctx, "default", filter.Exists{Field: filter.ID})
	},
	"Chunks": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return h.Chunks(ctx, "default", secret, store.Page{Limit: 10})
	},
	"Content": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		_, body, err := h.Content(ctx, "default", secret)
		return string(body), err
	},
	"EmbeddingCache": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		found, err := h.EmbeddingCache().Get(ctx, embed.Profile{Provider: "openai", Model: "m", Dimensions: storefixture.Dimensions}, [][32]byte{v.hash})
		if len(found) > 0 {
			return secret, err
		}
		return nil, err
	},
	"BeginIdempotent": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		stored, err := h.BeginIdempotent(ctx, "key", []byte(secret))
		if stored != nil {
			return string(stored.Body), err
		}
		return nil, err
	},
	"FinishIdempotent": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return nil, h.FinishIdempotent(ctx, "key", 500, []byte("changed"))
	},
	"AbandonIdempotent": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return nil, h.AbandonIdempotent(ctx, "open")
	},
	"CreateKey": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		_, _, err := h.CreateKey(ctx, tenant.KeySpec{Name: "new", Role: tenant.Admin})
		return nil, err
	},
	"Keys": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return h.Keys(ctx, store.Page{Limit: 10})
	},
	"RevokeKey": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return nil, h.RevokeKey(ctx, v.key)
	},
	"RotateKey": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		key, _, err := h.RotateKey(ctx, v.key)
		return key.Name, err
	},
	"StartOperation": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		_, err := h.StartOperation(ctx, "ingest")
		return nil, err
	},
	"FinishAccepting": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return nil, h.FinishAccepting(ctx, v.operation)
	},
	"CloseAbandoned": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		_, err := h.CloseAbandoned(ctx, v.operation)
		return nil, err
	},
	"Operation": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		operation, err := h.Operation(ctx, v.operation)
		return operation.ID, err
	},
	"Operations": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		list, err := h.Operations(ctx, "", store.Page{Limit: 10})
		if len(list.Items) > 0 {
			return secret, err
		}
		return nil, err
	},
	"CancelOperation": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		_, err := h.CancelOperation(ctx, v.operation)
		return nil, err
	},
	"WaitOperation": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		operation, err := h.WaitOperation(ctx, v.operation)
		return operation.ID, err
	},
	"Publish": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return h.Publish(ctx, v.Collection, prepare(v.work.Items))
	},
	"PurgeCollection": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return nil, h.PurgeCollection(ctx, v.Collection.ID)
	},
	"PurgeTenant": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		return nil, h.PurgeTenant(ctx)
	},
	"Retrieve": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return retrieveAll(ctx, h, v)
	},
	"MergeSegments": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return nil, h.MergeSegments(ctx, v.Collection.ID)
	},
	"Tenant": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		t, err := h.Tenant(ctx)
		return t.ID, err
	},
	"NextWork": func(ctx context.Context, h *postgres.Handle, _ *victim) (any, error) {
		work, err := h.NextWork(ctx, store.WorkLimit{Items: 10, Bytes: 1 << 20}, []uuid.UUID{})
		if len(work.Items) > 0 {
			return secret, err
		}
		return nil, err
	},
	"NextDue": func(ctx context.Context, h *postgres.Handle, v *victim) (found any, err error) {
		err = pgx.BeginFunc(ctx, v.Store.Pool(), func(tx pgx.Tx) error {
			due, err := h.NextDue(ctx, tx)
			if due != nil {
				found = secret
			}
			return err
		})
		return found, err
	},
	"RetryWork": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return nil, h.RetryWork(ctx, v.Collection.ID, v.work.Items, time.Hour)
	},
	"MarkProcessing": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return nil, h.MarkProcessing(ctx, v.Collection.ID, v.work.Items)
	},
	"FailWork": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return nil, h.FailWork(ctx, v.Collection.ID, []store.Failure{{Item: v.work.Items[0], Code: "damaged", Detail: "by an intruder"}})
	},
	"DropWork": func(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
		return nil, h.DropWork(ctx, v.Collection.ID, v.work.Items)
	},
}

// retrieveAll runs both legs on the victim's collection as described by the victim, and hydrates its ordinals.
func retrieveAll(ctx context.Context, h *postgres.Handle, v *victim) (any, error) {
	snapshot, err := h.Retrieve(ctx, search.Plan{Targets: []search.Target{{
		Collection: v.Collection, Vector: []float32{1, 0, 0, 0}, Limit: 10, Terms: analysis.QueryTerms([]string{"en"}, secret),
	}}})
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	for _, found := range snapshot.Retrieved() {
		if len(found.Vector) > 0 || (found.Lexical != nil && found.Lexical.Statistics.Chunks > 0) {
			return secret, nil
		}
	}
	var keys []search.Key
	for ordinal := range int64(10) {
		keys = append(keys, search.Key{Collection: v.Collection.ID, Ordinal: ordinal})
	}
	passages, err := snapshot.Hydrate(ctx, keys, true)
	return fmt.Sprint(passages), err
}

// withoutTrace are methods that show nothing and change nothing when the victim itself calls them in this setting,
// with the test that shows what they do.
var withoutTrace = map[string]string{
	"MergeSegments":   "TestMergeChangesNoScore",
	"PurgeCollection": "TestPurgeCollectionLeavesNothing; the collection is not marked",
	"PurgeTenant":     "purge_tenant_test.go; the tenant is not being deleted",
	"FinishAccepting": "TestStreamedOperation; the operation accepts no more",
	"CloseAbandoned":  "TestAbandonedOperationEnds",
}

// TestEveryMethodIsIsolated fails for a method of the handle without a case. Each case is also run as the victim, to
// show that a leak or a change would be noticed.
func TestEveryMethodIsIsolated(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	handle := reflect.TypeFor[*postgres.Handle]()
	for i := range handle.NumMethod() {
		name := handle.Method(i).Name
		call, ok := methodCases[name]
		if !ok {
			t.Errorf("method %s has no case in methodCases: add one that calls it as another tenant", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			v := newVictim(t, f)
			intruder := f.Tenant(t, storefixture.External)
			before := v.rows()
			got, err := call(t.Context(), intruder.Handle, v)
			if leaks(got, v) {
				t.Errorf("the intruder got %v (%v)", got, err)
			}
			if v.rows() != before {
				t.Errorf("the intruder changed the victim's rows (%v)", err)
			}
			if withoutTrace[name] != "" {
				return
			}
			if got, err := call(t.Context(), v.Handle, v); !leaks(got, v) && v.rows() == before {
				t.Errorf("the case notices nothing even when the victim itself calls: %v, %v", got, err)
			}
		})
	}
}

// Wall 2 alone: queries that forgot the tenant see nothing of another's, and with the policies gone they do.
func TestPoliciesHoldWithoutPredicates(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	v := newVictim(t, f)
	intruder := f.Tenant(t, storefixture.External)
	if seen := rowsSeenBy(t, f, intruder.ID); leaks(seen, v) {
		t.Errorf("the intruder sees\n%s", seen)
	}
	dropPolicies(t, f)
	if seen := rowsSeenBy(t, f, intruder.ID); !leaks(seen, v) {
		t.Error("with the policies gone nothing was seen either: the test notices nothing")
	}
}

// Wall 3 alone: with row-level security switched off, every method still keeps to its tenant by its own predicates.
func TestPredicatesHoldWithoutPolicies(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	dropPolicies(t, f)
	for name, call := range methodCases {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t, f)
			intruder := f.Tenant(t, storefixture.External)
			before := v.ownRows()
			got, err := call(t.Context(), intruder.Handle, v)
			if leaks(got, v) {
				t.Errorf("the intruder got %v (%v)", got, err)
			}
			if v.ownRows() != before {
				t.Errorf("the intruder changed the victim's rows (%v)", err)
			}
		})
	}
}

// ownRows is what rows is while policies are off.
func (v *victim) ownRows() string {
	v.Helper()
	var all strings.Builder
	for _, table := range append([]string{"api_keys"}, postgres.TenantTables...) {
		var content string
		v.Query(v, v.ID, fmt.Sprintf("SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM %s t WHERE tenant_id = '%s'", table, v.ID), &content)
		fmt.Fprintln(&all, table, content)
	}
	return all.String()
}

// dropPolicies takes wall 2 down.
func dropPolicies(t *testing.T, f *storefixture.Fixture) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), `DO $$ DECLARE tbl regclass; BEGIN
		FOR tbl IN SELECT oid FROM pg_class WHERE relrowsecurity LOOP
			EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', tbl);
		END LOOP; END $$`)
	if err != nil {
		t.Fatal(err)
	}
}

// leaks reports whether a result holds anything of the victim's.
func leaks(result any, v *victim) bool {
	text := fmt.Sprintf("%+v", result)
	for _, mark := range []string{secret, v.ID.String(), v.Collection.ID.String(), v.operation.String()} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}
