package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// testConcurrency searches while documents are written, rewritten and deleted and the backend takes them in: a
// document that was there before the search and stays is always found, one whose deletion was over is never, and
// none twice.
func testConcurrency(w *world) {
	r := w.resident()
	stay := corpus(40, 14)
	r.write(stay...)
	r.settle()
	passing := make([]doc, 40)
	for i := range passing {
		passing[i] = doc{id: fmt.Sprint("passing-", i), text: "passing", vector: stay[i].vector}
	}
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	var deleted atomic.Int64 // passing documents up to here are gone for good
	var workers sync.WaitGroup
	workers.Go(func() {
		defer cancel()
		enough := time.Now().Add(4 * time.Second)
		for i := 0; i < len(passing) && (i == 0 || time.Now().Before(enough)); i++ { // one, however long it takes
			r.write(passing[i])
			if i%3 == 0 {
				r.settle()
			}
			if _, err := r.Handle.DeleteDocuments(w.Context(), "default", []string{passing[i].id}); err != nil {
				w.Error(err)
				return
			}
			deleted.Store(int64(i + 1))
		}
	})
	for range 2 {
		workers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				gone := deleted.Load()
				found := r.found(r.ask(semantic(stay[i%len(stay)].vector, 100)))
				for _, d := range stay {
					if !found[d.id] {
						w.Errorf("%s was not found", d.id)
					}
				}
				if at := slices.IndexFunc(passing[:gone], func(d doc) bool { return found[d.id] }); at >= 0 {
					w.Errorf("%s was found after its deletion", passing[at].id)
				}
			}
		})
	}
	workers.Wait()
	if deleted.Load() == 0 {
		w.Error("nothing was deleted meanwhile: the test showed nothing")
	}
}
