package postgres_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/embed"
	"lindero/internal/storefixture"
	"lindero/search/lexical/analysis"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/tenant"
)

// marker stands in everything that tenant A keeps.
const marker = "MARKER-OF-A"

// neighbours are two tenants with things of the same names: what A has, B's handle is pointed at.
type neighbours struct {
	a, b       *env
	operation  uuid.UUID        // of A, still accepting
	key        string           // id of a key of A
	work       []store.WorkItem // of A
	embedded   [32]byte         // in A's cache
	searched   []analysis.QueryTerm
	outside    store.Collection  // of A, on a vector index outside the database
	idempotent string            // a key that A used for the request hash "request"
	delivery   store.DueDelivery // of A, due
}

// methodCase calls one method on h, which is B's handle or, to show that the case notices, A's. The result is
// searched for A's things; A's rows are compared before and after.
type methodCase func(n *neighbours, h *postgres.Handle) (result any, err error)

// isolationCases has every method of Handle; a method without a case fails TestEveryMethodHasAnIsolationCase.
var isolationCases = map[string]methodCase{}

// registerIsolationCase adds the case of a method.
func registerIsolationCase(method string, c methodCase) { isolationCases[method] = c }

func newNeighbours(tb testing.TB) *neighbours {
	tb.Helper()
	f := storefixture.New(tb)
	n := &neighbours{idempotent: "same", embedded: sha256.Sum256([]byte("text"))}
	n.a = &env{TB: tb, Fixture: f, Tenant: f.Tenant(tb, storefixture.External), ctx: tb.Context()}
	n.b = &env{TB: tb, Fixture: f, Tenant: f.Tenant(tb, storefixture.External), ctx: tb.Context()}
	n.b.put("a", "public text")
	n.b.index()

	a := n.a
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	_, _, err := a.Handle.PutCollection(a.ctx, store.CollectionSpec{
		Name: "default", Description: marker, Embedding: storefixture.External, Chunking: store.Chunking{Strategy: "none"},
	})
	must(err)
	a.Collection, err = a.Handle.Collection(a.ctx, "default")
	must(err)
	_, _, err = a.Handle.CreateWebhook(a.ctx, store.WebhookSpec{URL: "https://example.com/" + marker, Events: []string{store.EventOperationFinished}})
	must(err)
	a.put("a", marker+" earlier text")
	a.index()
	for _, id := range []string{"a", marker} {
		a.put(id, marker+" text of "+id)
	}
	a.index()                                                                                    // with the postings of the earlier text, of which a third is dead: there is something to merge
	asOwner(tb, a.OwnerURL, `UPDATE lexical_segments SET created_at = now() - interval '1 day'`) // and no load under way
	n.outside = a.onPinecone(n.a.OwnerURL, "outside", marker)
	due, err := a.Handle.DueDeliveries(a.ctx, 1, nil)
	must(err)
	n.delivery = due[0]
	must(a.Handle.RecordRecall(a.ctx, n.outside.ID, store.RecallMeasurement{Recall: .9, Queries: 1}))
	op, err := a.Handle.StartOperation(a.ctx, marker)
	must(err)
	n.operation = op.ID
	asOwner(tb, a.OwnerURL, `UPDATE operations SET active_at = 'infinity' WHERE id = '`+op.ID.String()+`'`)
	a.put("waiting", marker+" waiting text")
	n.work = a.load().Items
	k, _, err := a.Handle.CreateKey(a.ctx, tenant.KeySpec{Name: marker, Role: tenant.Admin})
	must(err)
	n.key = k.ID
	_, err = a.Handle.BeginIdempotent(a.ctx, n.idempotent, []byte("request"))
	must(err)
	must(a.Handle.FinishIdempotent(a.ctx, n.idempotent, 200, []byte(marker)))
	must(a.Handle.EmbeddingCache().Put(a.ctx, cachedProfile, map[[32]byte][]float32{n.embedded: {1, 2, 3, 4}}))
	for _, q := range analysis.For("en").Terms("text") {
		n.searched = append(n.searched, analysis.QueryTerm{Term: q, Count: 1})
	}
	return n
}

var cachedProfile = embed.Profile{Provider: store.ProviderOpenAI, Model: "m", Dimensions: 4}

// leaked returns what of A the rendered result contains.
func (n *neighbours) leaked(tb testing.TB, result any) string {
	tb.Helper()
	rendered := fmt.Sprintf("%+v", result)
	if encoded, err := json.Marshal(result); err == nil {
		rendered += string(encoded)
	}
	for _, foreign := range []string{marker, n.a.ID.String(), n.a.Collection.ID.String(), n.outside.ID.String(), n.operation.String(), n.key} {
		if strings.Contains(rendered, foreign) {
			return foreign
		}
	}
	return ""
}

// fingerprint is of all rows of A.
func (n *neighbours) fingerprint(tb testing.TB) string {
	tb.Helper()
	var parts []string
	for _, table := range append([]string{"api_keys", "tenants"}, postgres.TenantTables...) {
		column := "tenant_id"
		if table == "tenants" {
			column = "id"
		}
		parts = append(parts, fmt.Sprintf(`(SELECT '%[1]s ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM %[1]s t WHERE %[2]s = '%[3]s')`,
			table, column, n.a.ID))
	}
	var sum string
	queryRow(tb, n.a.OwnerURL, `SELECT concat_ws(E'\n', `+strings.Join(parts, ", ")+`)`, &sum)
	return sum
}

// TestMethodsKeepToTheirTenant points B's handle at A's things by name, id and every other handle there is:
// nothing of A may come back and no row of A may change. The same call on A's own handle must do one of the
// two, or the case would notice nothing.
func TestMethodsKeepToTheirTenant(t *testing.T) {
	t.Parallel()
	for method, call := range isolationCases {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			n := newNeighbours(t)
			before := n.fingerprint(t)
			result, err := call(n, n.b.Handle)
			if what := n.leaked(t, result); what != "" {
				t.Errorf("B was given A's %s: %+v", what, result)
			}
			if after := n.fingerprint(t); after != before {
				t.Errorf("B changed rows of A (%v):\n%s\n%s", err, before, after)
			}
			result, err = call(n, n.a.Handle)
			if n.leaked(t, result) == "" && n.fingerprint(t) == before {
				t.Errorf("the case notices nothing on A's own handle: %+v, %v", result, err)
			}
		})
	}
}

func TestEveryMethodHasAnIsolationCase(t *testing.T) {
	t.Parallel()
	handle := reflect.TypeFor[*postgres.Handle]()
	for i := range handle.NumMethod() {
		if name := handle.Method(i).Name; isolationCases[name] == nil {
			t.Errorf("%s has no case in isolationCases", name)
		}
	}
	for name := range isolationCases {
		if _, there := handle.MethodByName(name); !there {
			t.Errorf("the case %s names no method", name)
		}
	}
}

// TestHandleWithoutTenant has every case's method refuse a zero tenant.
func TestHandleWithoutTenant(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	nobody := n.a.Store.ForTenant(tenant.ID{})
	before := n.fingerprint(t)
	for method, call := range isolationCases {
		result, err := call(n, nobody)
		if err == nil || n.leaked(t, result) != "" {
			t.Errorf("%s without a tenant: %+v, %v", method, result, err)
		}
	}
	if n.fingerprint(t) != before {
		t.Error("a handle without a tenant changed rows")
	}
}

// TestPoolNeverMixesTenants has many tenants share few connections at once.
func TestPoolNeverMixesTenants(t *testing.T) {
	t.Parallel()
	const tenants, rounds = 100, 10
	f := storefixture.New(t)
	errs := make(chan error, tenants)
	for i := range tenants {
		one := f.Tenant(t, storefixture.External)
		go func() {
			errs <- func() error {
				mine := fmt.Sprintf("tenant %d", i)
				spec := one.Collection.CollectionSpec
				spec.Description = mine
				for range rounds {
					if _, _, err := one.Handle.PutCollection(t.Context(), spec); err != nil {
						return err
					}
					list, err := one.Handle.Collections(t.Context(), store.Page{Limit: 10})
					if err != nil || len(list.Items) != 1 || list.Items[0].Description != mine || list.Items[0].ID != one.Collection.ID {
						return fmt.Errorf("%s sees %+v, %w", mine, list.Items, err)
					}
				}
				return nil
			}()
		}()
	}
	deadline := time.After(5 * time.Minute) // for 2,000 statements of 100 tenants, beside other tests
	for range tenants {
		select {
		case err := <-errs:
			if err != nil {
				t.Error(err)
			}
		case <-deadline:
			t.Fatal("the tenants are not done")
		}
	}
}
