package storetest

import (
	"context"
	"testing"
	"time"

	"lindero/internal/pineconeemu"
	"lindero/internal/storefixture"
	"lindero/store/pinecone"
)

// TestPineconeIndexInTheMaking: while the index is made, by this process or another, searches are complete and nothing
// is written to it; then the tenant's vectors go there.
func TestPineconeIndexInTheMaking(t *testing.T) {
	t.Parallel()
	const making = 700 * time.Millisecond
	w := newWorld(t, func(tb testing.TB, f *storefixture.Fixture) Backend {
		emulator, err := pineconeemu.Start(pineconeemu.Config{APIKey: "test", RateLimit: -1, ReadyAfter: making})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = emulator.Close() })
		backend, err := pinecone.New(pinecone.Config{APIKey: "test", Host: emulator.ControlURL(), Backoff: 2 * time.Millisecond})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = backend.Close() })
		return &onPinecone{emulator: emulator, backend: backend, owner: f.OwnerURL}
	})
	first, second := w.resident(), w.resident()
	docs := corpus(20, 44)
	first.write(docs...)
	second.write(docs...)
	other, err := pinecone.New(pinecone.Config{APIKey: "test", Host: w.backend.(*onPinecone).emulator.ControlURL(), Backoff: 2 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	made := make(chan error, 1)
	go func() {
		_, err := other.Sync(context.Background(), first.ID, first.Handle, time.Now().Add(time.Minute))
		made <- err
	}()
	for len(w.backend.(*onPinecone).emulator.Indexes()) == 0 { // which tells nobody when it appears
		time.Sleep(time.Millisecond)
	}
	w.agree("while the index is made", second.ask(semantic(docs[2].vector, 10)), nearest(docs, docs[2].vector, nil), docs[2].vector, 10, leastRecall)
	second.settle() // waits for the index; the circuit would open if it did not
	if err := <-made; err != nil {
		t.Error(err)
	}
	for _, r := range []*resident{first, second} {
		if got := w.namespaces(r.ID); len(got["lindero-32"]) != len(docs) {
			t.Errorf("the namespaces hold %d records", len(got["lindero-32"]))
		}
	}
}
