package pinecone

import (
	"slices"
	"testing"
	"time"

	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/internal/pineconeemu"
	"lindero/internal/storefixture"
)

// Pinecone Local names indexes by host:port alone; its control plane's scheme says how to reach them.
func TestHostsWithoutAScheme(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ control, host, want string }{
		{"http://localhost:5080", "localhost:5081", "http://localhost:5081"},
		{"http://localhost:5080", "https://localhost:5081", "https://localhost:5081"},
		{"http://localhost:5080", "http://127.0.0.1:5081", "http://127.0.0.1:5081"},
		{"https://api.pinecone.io", "lindero-768-x.svc.pinecone.io", "https://lindero-768-x.svc.pinecone.io"},
		{"", "lindero-768-x.svc.pinecone.io", "https://lindero-768-x.svc.pinecone.io"},
	} {
		b := &Backend{cfg: Config{Host: c.control}}
		if got, err := checkHost(b.withScheme(c.host)); err != nil || got != c.want {
			t.Errorf("%q of %q became %q, %v; want %q", c.host, c.control, got, err, c.want)
		}
	}
}

// A service without calls on namespaces, as Pinecone Local is, can be left all the same, and others' namespaces stay.
func TestLeaveWithoutCallsOnNamespaces(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	emulator, err := pineconeemu.Start(pineconeemu.Config{APIKey: "test", RateLimit: -1, Visibility: pineconeemu.Visibility{Delay: 20 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = emulator.Close() })
	for _, method := range []string{"ListNamespaces", "DescribeNamespace", "DeleteNamespace"} {
		emulator.Inject(pineconeemu.Fault{Method: method, Kind: pineconeemu.Unimplemented})
	}
	backend, err := New(Config{APIKey: "test", Host: emulator.ControlURL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = backend.Close() })
	a, b := fill(t, f, backend), fill(t, f, backend)
	both := slices.Sorted(slices.Values([]string{a.ID.String(), b.ID.String()}))
	if found, err := backend.Namespaces(t.Context()); err != nil || !slices.Equal(found, both) {
		t.Fatalf("the namespaces of %v, %v; want those of %v", found, err, both)
	}
	if err := backend.Leave(t.Context(), a.ID, a.Handle); err != nil {
		t.Fatal(err)
	}
	if found, err := backend.Namespaces(t.Context()); err != nil || !slices.Equal(found, []string{b.ID.String()}) {
		t.Errorf("the namespaces of %v, %v; want that of %v", found, err, b.ID)
	}
	if left, err := a.Handle.VectorNamespaces(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("on record are %v, %v", left, err)
	}
	if calls := emulator.Counters()["DeleteNamespace"]; calls.Calls != 1 {
		t.Errorf("%d attempts at a call that is not there", calls.Calls)
	}
}

// fill makes a tenant on Pinecone whose namespace holds one vector that reads can see.
func fill(t *testing.T, f *storefixture.Fixture, backend *Backend) storefixture.Tenant {
	t.Helper()
	tenant := f.Tenant(t, storefixture.External)
	space, err := backend.space(t.Context(), tenant.ID, storefixture.Dimensions, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := tenant.Handle.NoteNamespace(t.Context(), storefixture.Dimensions); err != nil {
		t.Fatal(err)
	}
	one := []float32{1, 2, 3, 4}
	id := recordID(tenant.ID.UUID(), tenant.Collection.ID, 1)
	if _, err := space.upsert(t.Context(), []*sdk.Vector{{Id: id, Values: &one}}, 1); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		seen, _, err := space.fetch(t.Context(), []string{id})
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the vector is not visible: %v", err)
		}
		if len(seen) == 1 {
			return tenant
		}
	}
}
