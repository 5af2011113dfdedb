package storetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"testing"
	"time"

	"lindero/fault"
	"lindero/internal/pineconeemu"
	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/store/pinecone"
	"lindero/store/postgres"
	"lindero/tenant"
)

// TestPineconeLeaveFaults injects every fault at every step of a tenant's deletion, once and for good. While it lasts
// the tenant is not forgotten; after it the namespaces are gone, and its neighbour's are as they were.
func TestPineconeLeaveFaults(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"DeleteNamespace", "DescribeNamespace", "DescribeIndex"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, openPinecone)
			neighbour := w.resident()
			neighbour.write(corpus(30, 41)...)
			neighbour.settle()
			before := w.namespaces(neighbour.ID)
			for _, injected := range outages() {
				for _, times := range []int{1, 0} {
					injected.Method, injected.Times = method, times
					w.leaveThrough(injected)
					if got := w.namespaces(neighbour.ID); !reflect.DeepEqual(got, before) {
						t.Fatalf("%s, %s: the neighbour's namespace held %v and holds %v", method, injected.Kind, before, got)
					}
				}
			}
			docs := corpus(30, 41)
			w.agree("the neighbour", neighbour.ask(semantic(docs[3].vector, 10)), nearest(docs, docs[3].vector, nil), docs[3].vector, 10, leastRecall)
		})
	}
}

// leaveThrough deletes a tenant with namespaces in two indexes while the fault is in force, and after it.
func (w *world) leaveThrough(injected pineconeemu.Fault) {
	w.Helper()
	b := w.backend.(*onPinecone)
	name := fmt.Sprintf("%s, %s, applied %v, times %d", injected.Method, injected.Kind, injected.Applied, injected.Times)
	r := w.onTwoIndexes()
	r.beingDeleted()
	b.reconnect(w)
	injection := b.emulator.Inject(injected)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	err := purge(ctx, b.backend, r.ID, r.Handle)
	cancel()
	if err == nil && len(w.namespaces(r.ID)) > 0 {
		w.Errorf("%s: the tenant was forgotten before its namespaces were gone", name)
	}
	if hits := injection.Hits(); hits == 0 {
		w.Errorf("%s: the fault hit nothing, so this showed nothing", name)
	}
	b.emulator.ClearFaults()
	w.endDeletion(name, r)
}

// onTwoIndexes is a resident with vectors of two dimensions, in a namespace of each.
func (w *world) onTwoIndexes() *resident {
	w.Helper()
	r := w.resident()
	docs := corpus(10, 42)
	r.write(docs...)
	const wider = Dimensions + 1
	c, _, err := r.Handle.PutCollection(r.Context(), store.CollectionSpec{
		Name: "wider", Embedding: store.Profile{Provider: store.ProviderExternal, Dimensions: wider}, Chunking: store.Chunking{Strategy: "none"},
	})
	r.must(err)
	other := *r
	other.Collection = c
	for _, d := range docs {
		d.vector = append(slices.Clone(d.vector), 0)
		other.write(d)
	}
	r.settle()
	if got := w.namespaces(r.ID); len(got) != 2 {
		w.Fatalf("the tenant has namespaces in %d indexes", len(got))
	}
	return r
}

// beingDeleted is what the platform does first to delete a tenant.
func (r *resident) beingDeleted() {
	r.Helper()
	execute(r, r.OwnerURL, `UPDATE tenants SET state = 'deleting' WHERE id = $1`, r.ID.UUID())
}

// purge is one attempt of the worker that deletes a tenant.
func purge(ctx context.Context, backend *pinecone.Backend, id tenant.ID, h *postgres.Handle) error {
	if err := backend.Leave(ctx, id, h); err != nil {
		return err
	}
	return h.PurgeTenant(ctx)
}

// endDeletion repeats the attempts as the queue would until one succeeds, and looks whether anything is left.
func (w *world) endDeletion(name string, r *resident) {
	w.Helper()
	b := w.backend.(*onPinecone)
	for deadline := time.Now().Add(settleTimeout); ; {
		err := purge(context.Background(), b.backend, r.ID, r.Handle)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			w.Fatalf("%s: the tenant's deletion does not end: %v", name, err)
		}
		time.Sleep(10 * time.Millisecond) // an open circuit tells nobody when it closes
	}
	if left := w.namespaces(r.ID); len(left) > 0 {
		w.Errorf("%s: the tenant's namespaces hold %v", name, left)
	}
	if _, err := r.Handle.Tenant(context.Background()); !fault.Is(err, fault.NotFound) {
		w.Errorf("%s: the tenant is still there: %v", name, err)
	}
}

// namespaces are what the emulator holds of a tenant, by index.
func (w *world) namespaces(id tenant.ID) map[string][]pineconeemu.Vector {
	held := map[string][]pineconeemu.Vector{}
	emulator := w.backend.(*onPinecone).emulator
	for _, index := range emulator.Indexes() {
		if name := pinecone.NamespacePrefix + id.String(); slices.Contains(emulator.Namespaces(index), name) {
			held[index] = emulator.Vectors(index, name)
		}
	}
	return held
}

// TestPurgeProcess is no test by itself: it is the worker that TestKilledWhileDeleting starts and kills.
func TestPurgeProcess(t *testing.T) {
	if os.Getenv(childPurges) == "" {
		t.Skip("started by TestKilledWhileDeleting only")
	}
	id, backend, h := childWorker(t)
	for {
		if err := purge(context.Background(), backend, id, h); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond) // the queue that would wake it is not part of this test
	}
}

// TestKilledWhileDeleting kills the process that deletes a tenant at each of its calls to Pinecone, before and after it
// took effect, and at random between them. The next attempt ends the deletion, and the neighbour keeps what it has.
func TestKilledWhileDeleting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openPinecone)
	b := w.backend.(*onPinecone)
	neighbour := w.resident()
	neighbour.write(corpus(30, 43)...)
	neighbour.settle()
	before := w.namespaces(neighbour.ID)
	for _, method := range []string{"DeleteNamespace", "DescribeNamespace"} {
		for _, applied := range []bool{false, true} {
			for skip := range 2 { // the namespace of the first index, and of the second
				name := fmt.Sprintf("killed in %s %d, applied %v", method, skip, applied)
				r := w.onTwoIndexes()
				r.beingDeleted()
				injected := b.emulator.Inject(pineconeemu.Fault{Method: method, Kind: pineconeemu.Slow, Applied: applied, Skip: skip, Delay: time.Minute})
				kill := startPurge(t, w, r.Tenant)
				ctx, cancel := context.WithTimeout(t.Context(), settleTimeout)
				err := injected.Await(ctx, 1)
				cancel()
				kill()
				b.emulator.ClearFaults()
				if err != nil {
					t.Fatalf("%s: the worker has not called it: %v", name, err)
				}
				w.endDeletion(name, r)
			}
		}
	}
	for _, delay := range []time.Duration{0, 5, 15, 30, 60} { // after its first call, wherever that is
		r := w.onTwoIndexes()
		r.beingDeleted()
		injected := b.emulator.Inject(pineconeemu.Fault{Method: "DeleteNamespace", Kind: pineconeemu.Slow, Delay: time.Millisecond})
		kill := startPurge(t, w, r.Tenant)
		ctx, cancel := context.WithTimeout(t.Context(), settleTimeout)
		_ = injected.Await(ctx, 1)
		cancel()
		time.Sleep(delay * time.Millisecond) // the moment is to be anywhere
		kill()
		b.emulator.ClearFaults()
		w.endDeletion(fmt.Sprintf("killed %d ms later", delay), r)
	}
	if got := w.namespaces(neighbour.ID); !reflect.DeepEqual(got, before) {
		t.Errorf("the neighbour's namespace held %v and holds %v", before, got)
	}
}

// childPurges says that the process is to delete the tenant.
const childPurges = "LINDERO_TEST_PURGE"

// startPurge runs TestPurgeProcess in a process of its own and returns what kills it.
func startPurge(t *testing.T, w *world, r storefixture.Tenant) (kill func()) {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestPurgeProcess$")
	command.Env = append(childEnvironment(w, r.ID), childPurges+"=1")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}
}
