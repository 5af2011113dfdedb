package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"lindero/client"
	"lindero/store/postgres"
)

// TestProcessWithoutPinecone serves tenants that are on Pinecone from a process that has none: exactly, from the
// record, with one word in the log and a warning to operators until somebody tells Pinecone.
func TestProcessWithoutPinecone(t *testing.T) {
	t.Setenv("PINECONE_API_KEY", "")
	s := servePinecone(t, "--no-workers")
	without := serveOn(t, s.db, "--log-level", "info")
	c := s.customer(t, "acme")
	elsewhere, err := client.New(client.Config{URL: without.url, Key: c.key})
	if err != nil {
		t.Fatal(err)
	}
	alone := &customer{Client: elsewhere, t: t, url: without.url, key: c.key}
	alone.fill("vectors", 30)
	for _, asked := range []*customer{alone, c} { // the one has no Pinecone, the other has nothing in it
		if got, err := asked.nearest(3, 10); err != nil || len(got) != 10 || got[0] != "d0003" {
			t.Errorf("found %v, %v", got, err)
		}
	}
	placement, err := s.platform.Placement(t.Context(), "acme")
	if err != nil || placement.Move.Unsent != 30 || placement.Move.Settled {
		t.Errorf("%+v, %v", placement.Move, err)
	}

	store, err := postgres.Open(t.Context(), postgres.Config{URL: s.db.AppURL(), MaxConns: 2, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	log := newScreen()
	watch := newQueueWatch(store, false, slog.New(slog.NewTextHandler(log, nil)))
	for deadline := time.Now().Add(time.Minute); len(watch.warnings()) == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody is warned")
		}
		watch.look(t.Context())
	}
	watch.look(t.Context())
	if n := strings.Count(log.String(), "tenants on Pinecone wait"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log)
	}
	if said := watch.warnings()[0]; !strings.HasPrefix(said, "pinecone: the vectors of 1 tenants") {
		t.Errorf("the warning is %q", said)
	}
	configured := newQueueWatch(store, true, slog.New(slog.DiscardHandler))
	if configured.look(t.Context()); len(configured.warnings()) != 0 {
		t.Errorf("a process that could tell Pinecone warns of %v", configured.warnings())
	}
}
