package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/store/postgres"
)

// onPinecone moves the tenant's choice of backend to Pinecone and makes a collection with one indexed document
// there. The default collection stays where it is until the backends are aligned.
func (e *env) onPinecone(ownerURL, name, document string) store.Collection {
	e.Helper()
	asOwner(e, ownerURL, `UPDATE tenants SET vectors = 'pinecone' WHERE id = '`+e.ID.String()+`'`)
	c, _, err := e.Handle.PutCollection(e.ctx, store.CollectionSpec{
		Name: name, Embedding: storefixture.External, Chunking: store.Chunking{Strategy: "none"},
	})
	if err != nil {
		e.Fatal(err)
	}
	if c.Backend != store.Pinecone {
		e.Fatalf("the collection of a tenant on Pinecone is served by %q", c.Backend)
	}
	other := e.Collection
	e.Collection = c
	e.put(document, "text of "+document)
	e.index()
	e.Collection = other
	if err := e.Handle.NoteNamespace(e.ctx, c.Embedding.Dimensions); err != nil {
		e.Fatal(err)
	}
	return c
}

func registerOutboxCases() {
	// sent is the entry that A's outbox holds, acknowledged.
	sent := func(n *neighbours) ([]store.VectorEntry, error) {
		entries, err := n.a.Handle.UnsentVectors(n.a.ctx, store.VectorEntry{}, 10)
		if err != nil {
			return nil, err
		}
		if len(entries) > 0 {
			return entries, n.a.Handle.VectorsSent(n.a.ctx, entries)
		}
		return n.a.Handle.UnseenVectors(n.a.ctx, 10)
	}
	// outside is an entry that stands for A's one vector outside the database.
	outside := func(n *neighbours) []store.VectorEntry {
		return []store.VectorEntry{{Collection: n.outside.ID, First: 1, Run: 1, Revision: 1, Dimensions: storefixture.Dimensions}}
	}
	registerIsolationCase("UnsentVectors", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.UnsentVectors(n.b.ctx, store.VectorEntry{}, 10)
	})
	registerIsolationCase("ReadVectors", func(n *neighbours, h *postgres.Handle) (found any, err error) {
		reading, err := h.ReadVectors(n.b.ctx, outside(n))
		if len(reading.Changes) != 1 || !reading.Changes[0].Deleted { // to B there is no such vector
			found = marker
		}
		return found, err
	})
	registerIsolationCase("VectorsOnRecord", func(n *neighbours, h *postgres.Handle) (found any, err error) {
		onRecord, err := h.VectorsOnRecord(n.b.ctx, outside(n))
		if err == nil && (len(onRecord) != 1 || len(onRecord[0]) > 0) {
			found = marker
		}
		return found, err
	})
	registerIsolationCase("UnseenVectors", func(n *neighbours, h *postgres.Handle) (any, error) {
		if h == n.a.Handle {
			if _, err := sent(n); err != nil {
				return nil, err
			}
		}
		return h.UnseenVectors(n.b.ctx, 10)
	})
	registerIsolationCase("VectorsSent", func(n *neighbours, h *postgres.Handle) (any, error) {
		entries, err := n.a.Handle.UnsentVectors(n.a.ctx, store.VectorEntry{}, 10)
		if err != nil {
			return nil, err
		}
		return nil, h.VectorsSent(n.b.ctx, entries)
	})
	registerIsolationCase("VectorsVisible", func(n *neighbours, h *postgres.Handle) (any, error) {
		entries := outside(n)
		if h == n.a.Handle {
			var err error
			if entries, err = sent(n); err != nil {
				return nil, err
			}
		}
		return nil, h.VectorsVisible(n.b.ctx, entries)
	})
	registerIsolationCase("ForgetVisible", func(n *neighbours, h *postgres.Handle) (found any, err error) {
		if h == n.a.Handle {
			n.a.Exec(n.a, n.a.ID, `UPDATE vector_outbox SET visible_at = now()`)
		}
		left, err := h.ForgetVisible(n.b.ctx)
		if left > 0 { // B has none: it counted A's
			found = marker
		}
		return found, err
	})
	registerIsolationCase("VectorsUnsettled", func(n *neighbours, h *postgres.Handle) (found any, err error) {
		err = pgx.BeginFunc(n.b.ctx, n.a.Store.Pool(), func(tx pgx.Tx) error {
			unsettled, err := h.VectorsUnsettled(n.b.ctx, tx)
			if unsettled {
				found = marker
			}
			return err
		})
		return found, err
	})
	registerIsolationCase("AlignBackend", func(n *neighbours, h *postgres.Handle) (any, error) {
		backend, err := h.AlignBackend(n.b.ctx)
		if backend == store.Pinecone { // B is on pgvector: this is A's
			return marker, err
		}
		return nil, err
	})
	registerIsolationCase("VectorNamespaces", func(n *neighbours, h *postgres.Handle) (found any, err error) {
		dimensions, err := h.VectorNamespaces(n.b.ctx)
		if len(dimensions) > 0 {
			found = marker
		}
		return found, err
	})
	registerIsolationCase("NoteNamespace", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.NoteNamespace(n.b.ctx, 77)
	})
	registerIsolationCase("NamespaceGone", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.NamespaceGone(n.b.ctx, storefixture.Dimensions)
	})
	registerIsolationCase("IndexedVectors", func(n *neighbours, h *postgres.Handle) (any, error) {
		return h.IndexedVectors(n.b.ctx)
	})
	registerIsolationCase("RepairVectors", func(n *neighbours, h *postgres.Handle) (any, error) {
		return nil, h.RepairVectors(n.b.ctx, store.VectorSet{Collection: n.outside.ID, Dimensions: storefixture.Dimensions, Ordinals: []int64{1}})
	})
}

// outbox is the outbox from commit to forgetting.
func TestOutboxFollowsTheRecord(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.Collection = e.onPinecone(e.OwnerURL, "outside", "one")
	e.put("two", "text of two")
	e.index()
	unsent, found := e.unsent()
	if len(unsent) != 2 || len(found) != 2 || found[1].DocumentID != "two" || len(found[1].Vector) != storefixture.Dimensions || found[0].Deleted {
		t.Fatalf("two documents left %+v in the outbox, of which %+v is on record", unsent, found)
	}
	e.must(e.Handle.VectorsSent(e.ctx, unsent[:1]))
	// While the second is being sent it is deleted: the acknowledgement must not hide that.
	e.must(e.Handle.DeleteDocument(e.ctx, "outside", "two"))
	e.must(e.Handle.VectorsSent(e.ctx, unsent[1:]))
	left, found := e.unsent()
	if len(left) != 1 || !left[0].Deleted || left[0].First != unsent[1].First || len(found) != 1 || !found[0].Deleted || found[0].Vector != nil {
		t.Fatalf("after a deletion under way the outbox holds %+v, of which %+v is on record", left, found)
	}
	e.must(e.Handle.VectorsSent(e.ctx, left))
	if n := e.count("vector_outbox"); n != 1 {
		t.Errorf("%d entries are left; want the one that no read has confirmed", n)
	}
	unseen, err := e.Handle.UnseenVectors(e.ctx, 10)
	e.must(err)
	e.must(e.Handle.VectorsVisible(e.ctx, unseen))
	if kept, err := e.Handle.ForgetVisible(e.ctx); err != nil || kept != 1 {
		t.Errorf("an entry just confirmed must stay for searches under way: %d, %v", kept, err)
	}
	e.Exec(t, e.ID, `UPDATE vector_outbox SET visible_at = now() - interval '1 hour'`)
	if kept, err := e.Handle.ForgetVisible(e.ctx); err != nil || kept != 0 || e.count("vector_outbox") != 0 {
		t.Errorf("an old entry stays: %d, %v", kept, err)
	}
}

// A metadata change does not touch the vector, but what the index filters by.
func TestOutboxNotesNewMetadata(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.Collection = e.onPinecone(e.OwnerURL, "outside", "one")
	entries, _ := e.unsent()
	e.must(e.Handle.VectorsSent(e.ctx, entries))
	_, err := e.Handle.PatchDocument(e.ctx, "outside", "one", store.Patch{Metadata: []byte(`{"kind":"new"}`)})
	e.must(err)
	if _, again := e.unsent(); len(again) != 1 || string(again[0].Metadata) != `{"kind": "new"}` {
		t.Errorf("after a patch the outbox holds %+v", again)
	}
}

// Vectors written together are one entry, whatever becomes of some of them: what changes later is an entry beside it, and
// what is told of each is what is on record.
func TestOutboxRuns(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.Collection = e.onPinecone(e.OwnerURL, "outside", "one")
	var docs []store.NewDocument
	for _, id := range []string{"a", "b", "c", "d"} {
		docs = append(docs, storefixture.Split(id, "text of "+id, storefixture.Dimensions))
	}
	e.accept(docs...)
	e.index()
	entries, found := e.unsent()
	if len(entries) != 2 || entries[1].Run != 4 || len(found) != 5 {
		t.Fatalf("five documents left %+v in the outbox, of which %+v is on record", entries, found)
	}
	e.must(e.Handle.VectorsSent(e.ctx, entries))
	e.must(e.Handle.DeleteDocument(e.ctx, "outside", "b"))
	_, err := e.Handle.PatchDocument(e.ctx, "outside", "c", store.Patch{Metadata: []byte(`{"kind":"new"}`)})
	e.must(err)
	later, found := e.unsent()
	if len(later) != 2 || later[0].Run != 1 || !later[0].Deleted || later[1].Run != 1 || later[1].Deleted || len(found) != 2 ||
		!found[0].Deleted || string(found[1].Metadata) != `{"kind": "new"}` {
		t.Fatalf("a deletion and a patch left %+v, of which %+v is on record", later, found)
	}
	// All of them at once: each ordinal is told once.
	all := []store.VectorEntry{entries[0], entries[1], later[0], later[1]}
	reading, err := e.Handle.ReadVectors(e.ctx, all)
	e.must(err)
	if len(reading.Changes) != 5 || !reading.Changes[2].Deleted || reading.Changes[3].DocumentID != "c" || reading.Changes[4].DocumentID != "d" {
		t.Errorf("overlapping entries are read as %+v", reading.Changes)
	}
	onRecord, err := e.Handle.VectorsOnRecord(e.ctx, entries)
	e.must(err)
	if len(onRecord) != 2 || len(onRecord[1]) != 3 {
		t.Errorf("on record are %v", onRecord)
	}
	sets, err := e.Handle.IndexedVectors(e.ctx)
	e.must(err)
	if len(sets) != 1 || len(sets[0].Ordinals) != 0 || len(sets[0].Unsettled) != 5 { // no read has confirmed any
		t.Errorf("compared with the index would be %+v", sets)
	}
}

// Moving to Pinecone notes every vector, moving back none; deleting a collection notes all as deleted.
func TestAlignBackend(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("one", "text")
	e.put("two", "text")
	e.index()
	for _, step := range []struct {
		backend string
		unsent  int
	}{{store.Pinecone, 2}, {store.Pgvector, 0}, {store.Pinecone, 2}} {
		asOwner(t, e.OwnerURL, `UPDATE tenants SET vectors = '`+step.backend+`' WHERE id = '`+e.ID.String()+`'`)
		backend, err := e.Handle.AlignBackend(e.ctx)
		c, _ := e.Handle.Collection(e.ctx, "default")
		if _, got := e.unsent(); err != nil || backend != step.backend || c.Backend != step.backend || len(got) != step.unsent {
			t.Fatalf("moving to %s: %s, %v; the outbox holds %d", step.backend, backend, err, len(got))
		}
	}
	e.must(e.Handle.DeleteCollection(e.ctx, "default"))
	e.must(e.Handle.PurgeCollection(e.ctx, e.Collection.ID))
	entries, got := e.unsent()
	if len(got) != 2 || !got[0].Deleted || !got[1].Deleted || len(entries) != 1 || entries[0].Dimensions != storefixture.Dimensions {
		t.Errorf("after deleting the collection the outbox holds %+v, of which %+v is on record", entries, got)
	}
}

// A tenant whose namespaces are not deleted yet is not forgotten.
func TestPurgeWaitsForNamespaces(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.onPinecone(e.OwnerURL, "outside", "one")
	asOwner(t, e.OwnerURL, `UPDATE tenants SET state = 'deleting' WHERE id = '`+e.ID.String()+`'`)
	if err := e.Handle.PurgeTenant(e.ctx); err == nil {
		t.Fatal("a tenant was purged whose namespace is still there")
	}
	if got, _ := e.unsent(); len(got) != 0 {
		t.Errorf("a tenant being deleted still sends %+v", got)
	}
	e.must(e.Handle.NamespaceGone(e.ctx, storefixture.Dimensions))
	e.must(e.Handle.PurgeTenant(e.ctx))
}

// unsent is what the outbox holds and what of it is on record.
func (e *env) unsent() ([]store.VectorEntry, []store.VectorChange) {
	e.Helper()
	entries, err := e.Handle.UnsentVectors(e.ctx, store.VectorEntry{}, 100)
	e.must(err)
	var found []store.VectorChange
	for begin := 0; begin < len(entries); {
		end := begin + 1
		for end < len(entries) && entries[end].Collection == entries[begin].Collection {
			end++
		}
		reading, err := e.Handle.ReadVectors(e.ctx, entries[begin:end])
		e.must(err)
		found = append(found, reading.Changes...)
		begin = end
	}
	return entries, found
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}
