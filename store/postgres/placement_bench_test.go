package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/postgres"
)

// benchProfile is what common embedding models give.
var benchProfile = store.Profile{Provider: store.ProviderExternal, Dimensions: 768}

// BenchmarkPlacement measures where an index of a collection's own begins to pay: for each size, searches by an exact
// scan and by the index, on the same data. Sizes lie in one database and the exactly scanned ones in shared slots. Next
// to the time it reports the recall, and the time on the processor of the one backend that serves the searches, which
// a busy machine changes less. docs/decisions/0006-placement-threshold.md holds figures.
func BenchmarkPlacement(b *testing.B) {
	f := storefixture.NewPlaced(b, postgres.PlacementPolicy{PromoteAt: 1 << 40})
	random := rand.New(rand.NewPCG(1, 2))
	var all []*env
	for _, chunks := range []int{250, 500, 1000, 1500, 2000, 4000, 10_000} {
		e := &env{TB: b, Fixture: f, Tenant: f.Tenant(b, benchProfile), ctx: context.Background()}
		e.fillClustered(random, chunks)
		all = append(all, e)
	}
	asOwner(b, f.OwnerURL, `VACUUM ANALYZE`)
	queries := make([][]float32, 100)
	for i := range queries {
		queries[i] = clustered(random, benchProfile.Dimensions)
	}
	for _, e := range all {
		chunks := e.count("chunks")
		exact := make([][]string, len(queries))
		b.Run(fmt.Sprintf("exact/%d", chunks), func(b *testing.B) { e.benchSearches(b, queries, exact) })
		e.Exec(b, e.ID, `INSERT INTO collection_placements (tenant_id, collection_id, state, forced) SELECT tenant_id, id, 'settled', 'hnsw' FROM collections`)
		e.place()
		b.Run(fmt.Sprintf("hnsw/%d", chunks), func(b *testing.B) { e.benchSearches(b, queries, exact) })
	}
}

// fillClustered indexes chunks of some words and a vector like real ones.
func (e *env) fillClustered(random *rand.Rand, chunks int) {
	e.Helper()
	docs := make([]store.NewDocument, chunks)
	for i := range docs {
		docs[i] = storefixture.Split(fmt.Sprint("d", i), fmt.Sprint("text number ", i), benchProfile.Dimensions)
		docs[i].Payload.Parts[0].Vector = clustered(random, benchProfile.Dimensions)
	}
	for batch := range slices.Chunk(docs, 1000) {
		e.accept(batch...)
		e.index()
	}
}

// benchSearches searches by one query after another. The first call for a collection fills in the answers, the next is
// compared with them.
func (e *env) benchSearches(b *testing.B, queries [][]float32, answers [][]string) {
	one, err := postgres.Open(e.ctx, postgres.Config{URL: e.AppURL, MaxConns: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer one.Close()
	var backend int
	if err := one.Pool().QueryRow(e.ctx, `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		b.Fatal(err)
	}
	service, common, wanted := newService(b), 0, 0
	ask := func(i int) {
		found, err := service.Search(e.ctx, one.ForTenant(e.ID), e.ID, search.Request{Vector: queries[i], Mode: search.Semantic})
		if err != nil {
			b.Fatal(err)
		}
		ids := idsOf(found)
		if answers[i] == nil {
			answers[i] = ids
		}
		wanted += len(answers[i])
		for _, id := range answers[i] {
			if slices.Contains(ids, id) {
				common++
			}
		}
	}
	for i := range queries { // warms up, and gives the recall over all queries
		ask(i)
	}
	before := onProcessor(backend)
	for n := 0; b.Loop(); n++ {
		ask(n % len(queries))
	}
	b.ReportMetric(float64(common)/float64(wanted), "recall")
	if used := onProcessor(backend) - before; used > 0 {
		b.ReportMetric(used/float64(b.N), "backend-ms/op")
	}
}

// onProcessor is how long a process has run, in milliseconds; 0 where the system does not tell.
func onProcessor(pid int) float64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
	if err != nil {
		return 0
	}
	var nanoseconds float64
	if _, err := fmt.Sscan(string(content), &nanoseconds); err != nil {
		return 0
	}
	return nanoseconds / 1e6
}

// fillSlots makes as many small collections as there are slots of their own, each in one, in one database.
func fillSlots(b *testing.B) []*env {
	const slots = 300
	f := storefixture.NewPlaced(b, postgres.PlacementPolicy{PromoteAt: 20, DemoteAt: 5, MaxSlots: slots})
	all := make([]*env, slots)
	for i := range all {
		all[i] = newPlacedEnv(b, f)
		all[i].fill(0, 25)
		all[i].place()
	}
	if last := all[slots-1].Collection.Slot; last != store.FirstOwnSlot+slots-1 {
		b.Fatalf("the last collection is in slot %d", last)
	}
	return all
}

// BenchmarkPlanningAmongSlots has 300 collections in slots of their own, and reports how long PostgreSQL plans one
// search among them, on a connection that has planned it before.
func BenchmarkPlanningAmongSlots(b *testing.B) {
	all := fillSlots(b)
	last := all[len(all)-1]
	tx, err := last.Fixture.Store.Pool().Begin(last.ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = tx.Rollback(last.ctx) }()
	if _, err := tx.Exec(last.ctx, `SELECT set_config('app.tenant_id', $1, true), set_config('enable_sort', 'off', true)`, last.ID.String()); err != nil {
		b.Fatal(err)
	}
	statement := fmt.Sprintf(`EXPLAIN (SUMMARY, FORMAT JSON) SELECT v.ordinal FROM chunk_vectors v WHERE v.slot = %d AND v.tenant_id = '%s'
		AND v.collection_id = '%s' ORDER BY v.embedding::halfvec(4) <=> '[1,2,3,4]' LIMIT 10`, last.Collection.Slot, last.ID, last.Collection.ID)
	var planning float64
	for b.Loop() {
		var plan []struct {
			Planning float64 `json:"Planning Time"`
		}
		if err := tx.QueryRow(last.ctx, statement).Scan(&plan); err != nil {
			b.Fatal(err)
		}
		planning += plan[0].Planning
	}
	b.ReportMetric(planning/float64(b.N), "planning-ms/op")
}
