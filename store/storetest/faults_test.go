package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"lindero/internal/pineconeemu"
	"lindero/internal/storefixture"
	"lindero/search"
)

// outages are all faults of the emulator, those that can happen after the effect in both ways.
func outages() []pineconeemu.Fault {
	var all []pineconeemu.Fault
	for _, kind := range []pineconeemu.Kind{
		pineconeemu.Unavailable, pineconeemu.ResourceExhausted, pineconeemu.DeadlineExceeded, pineconeemu.Internal, pineconeemu.Drop,
	} {
		all = append(all, pineconeemu.Fault{Kind: kind}, pineconeemu.Fault{Kind: kind, Applied: true})
	}
	return append(all, pineconeemu.Fault{Kind: pineconeemu.Truncate}, pineconeemu.Fault{Kind: pineconeemu.Partial},
		pineconeemu.Fault{Kind: pineconeemu.Slow, Delay: 30 * time.Millisecond})
}

// TestPineconeFaults injects every fault at every step of ingestion, search and deletion, once and for good. What was
// written is found all the while, what was deleted is not, searches are answered, and when the fault is over the
// namespace becomes what the record is by itself.
func TestPineconeFaults(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Upsert", "Fetch", "Query", "Delete", "DescribeIndex"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, openPinecone)
			r := w.resident()
			docs := corpus(40, 40)
			r.write(docs...)
			r.settle()
			for i, fault := range outages() {
				for _, times := range []int{1, 0} {
					fault.Method, fault.Times = method, times
					r.throughFault(fault, docs, i)
				}
			}
		})
	}
}

// throughFault writes, searches and deletes while the fault is in force, lets it end, and looks what is left.
func (r *resident) throughFault(fault pineconeemu.Fault, docs []doc, n int) {
	r.Helper()
	b := r.backend.(*onPinecone)
	name := fmt.Sprintf("%s, %s, applied %v, times %d", fault.Method, fault.Kind, fault.Applied, fault.Times)
	if fault.Method == "DescribeIndex" {
		b.reconnect(r) // or it would not be asked again
	}
	injected := b.emulator.Inject(fault)
	added := doc{id: fmt.Sprint("added-", n), text: "sextant", vector: docs[n].vector}
	r.write(added)
	r.checkFaulty(name+", written", append(slices.Clone(docs), added), added)
	b.try(r.Tenant)
	r.checkFaulty(name+", sent", append(slices.Clone(docs), added), added)
	if _, err := r.Handle.DeleteDocuments(r.Context(), "default", []string{added.id}); err != nil {
		r.Fatal(err)
	}
	r.checkFaulty(name+", deleted", docs, added)
	b.try(r.Tenant)
	r.checkFaulty(name+", forgotten", docs, added)
	hits := injected.Hits()
	b.emulator.ClearFaults()
	if hits == 0 {
		r.Errorf("%s: the fault hit nothing, so this showed nothing", name)
	}
	b.recover(r, r.Tenant, len(docs))
}

// checkFaulty searches in every way. All of them answer; a vector search is right or says that it is not.
func (r *resident) checkFaulty(when string, there []doc, about doc) {
	r.Helper()
	plain := r.ask(semantic(about.vector, 10))
	r.agree(when+": by vector", plain, nearest(there, about.vector, nil), about.vector, 10, leastRecall)
	topK := 10
	for _, mode := range []string{search.Hybrid, search.Semantic} {
		found := r.ask(search.Request{Query: "sextant harbour", Vector: about.vector, Mode: mode, TopK: &topK})
		degraded := slices.ContainsFunc(found.Warnings, func(w search.Warning) bool { return w.Code == "vectors_unavailable" })
		if !degraded && len(found.Results) != topK {
			r.Errorf("%s: %s found %v without a warning", when, mode, ids(found))
		}
		isThere := slices.ContainsFunc(there, func(d doc) bool { return d.id == about.id })
		if slices.Contains(ids(found), about.id) != isThere {
			r.Errorf("%s: %s found %v", when, mode, ids(found))
		}
	}
}

// try syncs once, and may fail.
func (p *onPinecone) try(t storefixture.Tenant) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, _ = p.backend.Sync(ctx, t.ID, t.Handle, time.Now().Add(200*time.Millisecond))
}

// recover syncs as the worker would until all is settled, and compares the namespace with the record.
func (p *onPinecone) recover(tb testing.TB, t storefixture.Tenant, want int) {
	tb.Helper()
	for deadline := time.Now().Add(settleTimeout); ; {
		settled, err := p.backend.Sync(context.Background(), t.ID, t.Handle, time.Now().Add(time.Second))
		if settled {
			differences, listErr := p.backend.Reconcile(context.Background(), t.ID, t.Handle, false)
			if err = listErr; err == nil {
				if len(differences) != 1 || !differences[0].OK() || differences[0].Listed != int64(want) {
					tb.Errorf("after recovery the namespace differs from the record of %d: %+v", want, differences)
				}
				return
			}
		}
		if time.Now().After(deadline) {
			tb.Fatalf("no recovery: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // an open circuit tells nobody when it closes
	}
}

// reconnect forgets what was learnt about indexes, as a new process would.
func (p *onPinecone) reconnect(tb testing.TB) {
	tb.Helper()
	if err := p.backend.Close(); err != nil {
		tb.Fatal(err)
	}
}
