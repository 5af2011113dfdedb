package storetest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/pineconeemu"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/pinecone"
	"lindero/store/postgres"
)

// backends are all ways to serve vector searches.
var backends = map[string]Open{
	"pgvector-shared": func(testing.TB, *storefixture.Fixture) Backend { return shared{} },
	"pgvector-slot":   func(_ testing.TB, f *storefixture.Fixture) Backend { return slotted{owner: f.OwnerURL} },
	"pinecone":        openPinecone,
}

// TestConformance has every backend pass the suite and logs who passed what. With PINECONE_API_KEY it asks Pinecone's
// service as well (LINDERO_PINECONE_HOST: another control plane, such as Pinecone Local's).
func TestConformance(t *testing.T) {
	t.Parallel()
	tried := maps.Clone(backends)
	if os.Getenv("PINECONE_API_KEY") != "" {
		tried["pinecone-service"] = openService
	}
	var mu sync.Mutex
	passed := map[string]map[string]bool{}
	t.Cleanup(func() { t.Log("\n" + conformanceTable(passed)) })
	for name, open := range tried {
		passed[name] = map[string]bool{}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Run(t, open, func(test string, ok bool) {
				mu.Lock()
				defer mu.Unlock()
				passed[name][test] = ok
			})
		})
	}
}

// conformanceTable has a row a case and a column a backend.
func conformanceTable(passed map[string]map[string]bool) string {
	names := slices.Sorted(maps.Keys(passed))
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "case\t"+strings.Join(names, "\t"))
	for _, test := range slices.Sorted(maps.Keys(cases)) {
		row := []string{test}
		for _, name := range names {
			outcome, ran := passed[name][test]
			switch {
			case !ran:
				row = append(row, "–")
			case outcome:
				row = append(row, "ok")
			default:
				row = append(row, "FAILED")
			}
		}
		_, _ = fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush()
	return out.String()
}

func BenchmarkSearch(b *testing.B) {
	for name, open := range backends {
		b.Run(name, func(b *testing.B) { Benchmark(b, open, 5000) })
	}
}

// openService is Pinecone itself, in indexes of the suite's own; every tenant's namespaces are dropped at its end.
func openService(tb testing.TB, f *storefixture.Fixture) Backend {
	tb.Helper()
	backend, err := pinecone.New(pinecone.Config{
		APIKey: os.Getenv("PINECONE_API_KEY"), Host: os.Getenv("LINDERO_PINECONE_HOST"), Index: "lindero-conformance",
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = backend.Close() })
	return service{&onPinecone{backend: backend, owner: f.OwnerURL}}
}

// service is onPinecone that cleans up after itself.
type service struct{ *onPinecone }

func (s service) Settle(tb testing.TB, t storefixture.Tenant) {
	tb.Helper()
	tb.Cleanup(func() { s.Leave(tb, t) }) // once more than needed does no harm
	s.onPinecone.Settle(tb, t)
}

// shared is the table that all collections share, scanned exactly.
type shared struct{}

func (shared) Index(t storefixture.Tenant) search.Index { return t.Handle }
func (shared) Settle(testing.TB, storefixture.Tenant)   {}
func (shared) Leave(testing.TB, storefixture.Tenant)    {}

// slotted is a partition of the collection's own, with an approximate index.
type slotted struct{ owner string }

func (slotted) Index(t storefixture.Tenant) search.Index { return t.Handle }

func (s slotted) Settle(tb testing.TB, t storefixture.Tenant) {
	tb.Helper()
	ctx := context.Background()
	execute(tb, s.owner, `INSERT INTO collection_placements (tenant_id, collection_id, state, forced)
		SELECT tenant_id, id, 'settled', 'hnsw' FROM collections WHERE tenant_id = $1 AND deleted_at IS NULL
		ON CONFLICT (tenant_id, collection_id) DO UPDATE SET forced = 'hnsw'`, t.ID.UUID())
	for deadline := time.Now().Add(settleTimeout); ; {
		c, err := t.Handle.Collection(ctx, "default")
		if err != nil {
			tb.Fatal(err)
		}
		again, err := t.Handle.PlaceCollection(ctx, c.ID)
		switch {
		case err != nil:
			tb.Fatal(err)
		case c.Slot >= store.FirstOwnSlot:
			return
		case time.Now().After(deadline):
			tb.Fatal("the collection has no slot of its own")
		}
		time.Sleep(min(again, 50*time.Millisecond)) // what it waits for tells nobody when it is over
	}
}

func (slotted) Leave(testing.TB, storefixture.Tenant) {}

// settleTimeout is generous for the service, which may make an index first, and for a machine that does other work.
const settleTimeout = 3 * time.Minute

// onPinecone is a namespace of an emulator, over the wire and through the SDK.
type onPinecone struct {
	emulator *pineconeemu.Emulator
	backend  *pinecone.Backend
	owner    string
}

func openPinecone(tb testing.TB, f *storefixture.Fixture) Backend {
	tb.Helper()
	emulator, err := pineconeemu.Start(pineconeemu.Config{APIKey: "test", RateLimit: -1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = emulator.Close() })
	backend, err := pinecone.New(pinecone.Config{APIKey: "test", Host: emulator.ControlURL(), RequestsPerSecond: 1 << 20, Backoff: 2 * time.Millisecond})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = backend.Close() })
	return &onPinecone{emulator: emulator, backend: backend, owner: f.OwnerURL}
}

func (p *onPinecone) Index(t storefixture.Tenant) search.Index {
	return p.backend.ForTenant(t.ID, t.Handle)
}

func (p *onPinecone) Settle(tb testing.TB, t storefixture.Tenant) {
	tb.Helper()
	execute(tb, p.owner, `UPDATE tenants SET vectors = 'pinecone' WHERE id = $1 AND vectors <> 'pinecone'`, t.ID.UUID())
	settled, err := p.backend.Sync(context.Background(), t.ID, t.Handle, time.Now().Add(settleTimeout))
	if err != nil || !settled {
		tb.Fatalf("the namespace is not up to date: %v, %v", settled, err)
	}
}

func (p *onPinecone) Leave(tb testing.TB, t storefixture.Tenant) {
	tb.Helper()
	if err := p.backend.Leave(context.Background(), t.ID, t.Handle); err != nil {
		tb.Fatal(err)
	}
	left, err := p.backend.Namespaces(context.Background())
	for _, id := range left {
		if id == t.ID.String() {
			tb.Error("the tenant's namespace is still there")
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
}

var _ pinecone.Ledger = (*postgres.Handle)(nil)

func execute(tb testing.TB, url, sql string, args ...any) {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql, args...); err != nil {
		tb.Fatal(err)
	}
}
