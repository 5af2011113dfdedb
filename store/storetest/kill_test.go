package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/internal/pineconeemu"
	"lindero/store/pinecone"
	"lindero/store/postgres"
	"lindero/tenant"
	"lindero/tenant/tenanttest"
)

// Environment of the process that is killed.
const (
	childDatabase = "LINDERO_TEST_SYNC_DATABASE"
	childPinecone = "LINDERO_TEST_SYNC_PINECONE"
	childTenant   = "LINDERO_TEST_SYNC_TENANT"
	childSyncs    = "LINDERO_TEST_SYNC"
)

// childWorker is what a worker in a process of its own works with.
func childWorker(t *testing.T) (tenant.ID, *pinecone.Backend, *postgres.Handle) {
	t.Helper()
	st, err := postgres.Open(context.Background(), postgres.Config{URL: os.Getenv(childDatabase), MaxConns: 2, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	backend, err := pinecone.New(pinecone.Config{APIKey: "test", Host: os.Getenv(childPinecone), Backoff: 2 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	id := tenanttest.Of(t, uuid.MustParse(os.Getenv(childTenant)))
	return id, backend, st.ForTenant(id)
}

func childEnvironment(w *world, id tenant.ID) []string {
	host := w.backend.(*onPinecone).emulator.ControlURL()
	return append(os.Environ(), childDatabase+"="+w.AppURL, childPinecone+"="+host, childTenant+"="+id.String())
}

// TestSyncProcess is no test by itself: it is the worker that TestKilledWhileSyncing starts and kills.
func TestSyncProcess(t *testing.T) {
	if os.Getenv(childSyncs) == "" {
		t.Skip("started by TestKilledWhileSyncing only")
	}
	id, backend, h := childWorker(t)
	for {
		if _, err := backend.Sync(context.Background(), id, h, time.Now().Add(time.Second)); err != nil {
			t.Log(err)
		}
		time.Sleep(5 * time.Millisecond) // the queue that would wake it is not part of this test
	}
}

// TestKilledWhileSyncing kills the process that tells Pinecone of changes while a request of its is under way, before
// or after it took effect, again and again while documents come and go. The next process makes the namespace what the
// record is: nothing lost, nothing doubled, nothing risen from the dead. LINDERO_SYNC_KILLS sets how often (50 in the
// issue, 8 by default).
func TestKilledWhileSyncing(t *testing.T) {
	t.Parallel()
	kills := 8
	if n, err := strconv.Atoi(os.Getenv("LINDERO_SYNC_KILLS")); err == nil {
		kills = n
	}
	w := newWorld(t, openPinecone)
	b := w.backend.(*onPinecone)
	r := w.resident()
	random := rand.New(rand.NewPCG(50, 51))
	there := map[string]doc{}
	for round := range kills {
		applied := round%2 == 1
		method := []string{"Upsert", "Upsert", "Delete", "Fetch"}[random.IntN(4)]
		r.churn(there, round, random)
		injected := b.emulator.Inject(pineconeemu.Fault{Method: method, Kind: pineconeemu.Slow, Applied: applied, Delay: 50 * time.Millisecond})
		kill := startSync(t, w, r.ID)
		ctx, cancel := context.WithTimeout(t.Context(), settleTimeout)
		err := injected.Await(ctx, 1)
		cancel()
		if err != nil {
			t.Fatalf("round %d: the worker has not called %s: %v", round, method, err)
		}
		time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond) // the moment is to be random
		kill()
		b.emulator.ClearFaults()
	}
	started := time.Now()
	b.recover(t, r.Tenant, len(there))
	t.Logf("reconciled %s after the last of %d kills, %d documents", time.Since(started).Round(time.Millisecond), kills, len(there))
	var docs []doc
	for _, d := range there {
		docs = append(docs, d)
	}
	vector := docs[0].vector
	w.agree("after the kills", r.ask(semantic(vector, 100)), nearest(docs, vector, nil), vector, 100, leastRecall)
}

// churn writes some documents, rewrites and deletes others.
func (r *resident) churn(there map[string]doc, round int, random *rand.Rand) {
	r.Helper()
	var gone []string
	for id := range there {
		if len(gone) < 5 {
			gone = append(gone, id)
		}
	}
	for _, d := range corpus(20, uint64(1000+round)) {
		d.id = fmt.Sprintf("doc-%d", random.IntN(400))
		there[d.id] = d
		r.write(d)
	}
	if _, err := r.Handle.DeleteDocuments(r.Context(), "default", gone); err != nil {
		r.Fatal(err)
	}
	for _, id := range gone {
		delete(there, id)
	}
}

// startSync runs TestSyncProcess in a process of its own and returns what kills it.
func startSync(t *testing.T, w *world, id tenant.ID) (kill func()) {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestSyncProcess$")
	command.Env = append(childEnvironment(w, id), childSyncs+"=1")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}
}
