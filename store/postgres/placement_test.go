package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/postgres"
)

// smallPolicy makes collections of some dozens of chunks large.
var smallPolicy = postgres.PlacementPolicy{PromoteAt: 40, DemoteAt: 20, MaxSlots: 2}

func newPlacedEnv(tb testing.TB, f *storefixture.Fixture) *env {
	return &env{TB: tb, Fixture: f, Tenant: f.Tenant(tb, storefixture.External), ctx: context.Background()}
}

// fill indexes documents d<from> to d<to-1>, in batches no larger than what one call of index takes.
func (e *env) fill(from, to int) {
	e.Helper()
	docs := make([]store.NewDocument, 0, to-from)
	for i := from; i < to; i++ {
		docs = append(docs, storefixture.Split(fmt.Sprint("d", i), fmt.Sprint("text number ", i), storefixture.Dimensions))
	}
	for batch := range slices.Chunk(docs, 1000) {
		e.accept(batch...)
		e.index()
	}
}

func (e *env) drop(from, to int) {
	e.Helper()
	ids := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprint("d", i))
	}
	if _, err := e.Handle.DeleteDocuments(e.ctx, "default", ids); err != nil {
		e.Fatal(err)
	}
}

// place moves the collection to the end of what is due, in as many tries as it takes: vacuum may hold a table for longer
// than a try waits.
func (e *env) place() {
	e.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		again, err := e.Handle.PlaceCollection(e.ctx, e.Collection.ID)
		if err != nil || again > 0 && time.Now().After(deadline) {
			e.Fatalf("placing: again in %v, %v", again, err)
		}
		if again == 0 {
			break
		}
	}
	e.reread()
}

func (e *env) reread() {
	e.Helper()
	c, err := e.Handle.Collection(e.ctx, "default")
	if err != nil {
		e.Fatal(err)
	}
	e.Collection = c
}

func (e *env) queuedPlacements() (n int) {
	e.Helper()
	queryRow(e, e.OwnerURL, `SELECT count(*) FROM river.river_job WHERE kind = 'place_collection' AND args->>'tenant_id' = '`+e.ID.String()+`'`, &n)
	return n
}

// checkPlaced compares searches with the exact answer (an index may overlook one in ten of so few dimensions), and the
// rows of every slot with where they belong.
func (e *env) checkPlaced() {
	e.Helper()
	e.checkConsistent()
	if stray := e.count(fmt.Sprintf("chunk_vectors WHERE slot <> %d", e.Collection.Slot)); stray > 0 {
		e.Errorf("%d vectors are left in other slots than %d", stray, e.Collection.Slot)
	}
	service := newService(e)
	common, wanted := 0, 0
	for i := range 10 {
		vector := storefixture.Vector(fmt.Sprint("query ", i), storefixture.Dimensions)
		request := search.Request{Vector: vector, Mode: search.Semantic}
		found := idsOf(e.search(service, request))
		request.Exact = true
		exact := idsOf(e.search(service, request))
		slices.Sort(found)
		if len(slices.Compact(found)) != len(exact) {
			e.Errorf("query %d in slot %d finds %v, exactly %v", i, e.Collection.Slot, found, exact)
		}
		wanted += len(exact)
		for _, id := range exact {
			if slices.Contains(found, id) {
				common++
			}
		}
	}
	if common*10 < wanted*9 || (common < wanted && !e.Collection.Indexed()) {
		e.Errorf("searches in slot %d find %d of %d", e.Collection.Slot, common, wanted)
	}
}

func TestPromotionAndDemotion(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	e, other := newPlacedEnv(t, f), newPlacedEnv(t, f)
	shared := e.Collection.Slot
	e.fill(0, 39)
	if n := e.queuedPlacements(); n != 0 {
		t.Errorf("%d jobs were queued for a small collection", n)
	}
	e.fill(39, 80)
	if n := e.queuedPlacements(); n != 1 {
		t.Errorf("%d jobs were queued for a collection that became large, want 1", n)
	}
	version := e.Collection.Version
	e.place()
	if e.Collection.Slot != store.FirstOwnSlot || e.Collection.Version != version+1 || e.Collection.Chunks != 80 {
		t.Fatalf("after promotion: slot %d, version %d, %d chunks", e.Collection.Slot, e.Collection.Version, e.Collection.Chunks)
	}
	e.checkPlaced()
	var definition string
	queryRow(t, e.OwnerURL, `SELECT indexdef FROM pg_indexes WHERE tablename = 'chunk_vectors_1000' AND indexname LIKE '%hnsw'`, &definition)
	if !strings.Contains(definition, "halfvec_cosine_ops") {
		t.Errorf("the index is %s", definition)
	}
	if _, details := brokenChecks(t, e.Store); details != "" {
		t.Errorf("isolation with a slot of its own: %s", details)
	}

	e.drop(0, 50) // 30 are left: between the two bounds, it stays
	e.fill(100, 105)
	e.place()
	if e.Collection.Slot != store.FirstOwnSlot || e.Collection.Chunks != 35 {
		t.Errorf("between the bounds: slot %d, %d chunks", e.Collection.Slot, e.Collection.Chunks)
	}
	e.checkPlaced()
	e.drop(50, 70)
	e.place()
	if e.Collection.Slot >= store.FirstOwnSlot {
		t.Errorf("after demotion: slot %d, first it was %d", e.Collection.Slot, shared)
	}
	e.checkPlaced()
	var rows int
	queryRow(t, e.OwnerURL, `SELECT (SELECT count(*) FROM chunk_vectors_1000) + (SELECT count(*) FROM pg_indexes WHERE indexname = 'chunk_vectors_1000_hnsw')`, &rows)
	if rows != 0 {
		t.Errorf("%d rows or indexes are left in the released slot", rows)
	}

	other.fill(0, 60)
	other.place()
	if other.Collection.Slot != store.FirstOwnSlot {
		t.Errorf("the next collection got slot %d instead of the free one", other.Collection.Slot)
	}
	other.checkPlaced()
	e.fill(200, 260)
	e.place()
	if e.Collection.Slot != store.FirstOwnSlot+1 {
		t.Errorf("promoted again to slot %d", e.Collection.Slot)
	}
	e.checkPlaced()
	other.checkPlaced()
}

// TestPlacementResumes ends the process after every single step and goes on with another one's connections.
func TestPlacementResumes(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	e := newPlacedEnv(t, f)
	e.fill(0, 60)
	step := func(n int) (state string) {
		process := f.Open(t)
		defer process.Close()
		state, again, err := postgres.PlaceStep(process.ForTenant(e.ID), e.ctx, e.Collection.ID)
		if err != nil || again > 0 {
			t.Fatalf("step %d: again in %v, %v", n, again, err)
		}
		return state
	}
	for _, goal := range []string{"promotion", "demotion"} {
		var seen []string
		for n := 0; len(seen) == 0 || seen[len(seen)-1] != postgres.Settled; n++ {
			state := step(n)
			if len(seen) == 0 || seen[len(seen)-1] != state {
				seen = append(seen, state)
			}
			// Between any two steps writes and deletions go on.
			e.fill(1000+10*n, 1002+10*n)
			e.drop(1000+10*n, 1001+10*n)
			e.drop(n, n+1)
			e.reread()
			if found := e.search(newService(t), search.Request{Vector: storefixture.Vector("q", storefixture.Dimensions), Mode: search.Semantic}); len(found.Results) != 10 {
				t.Errorf("%s, after step %d (%s): %d results", goal, n, state, len(found.Results))
			}
		}
		e.reread()
		e.checkPlaced()
		want := []string{postgres.Copying, postgres.Indexing, postgres.CatchingUp, postgres.Clearing, postgres.Settled}
		if goal == "demotion" {
			want = []string{postgres.Copying, postgres.CatchingUp, postgres.Clearing, postgres.Settled}
		}
		if strings.Join(seen, " ") != strings.Join(want, " ") && strings.Join(seen, " ") != strings.Join(without(want, postgres.CatchingUp), " ") {
			t.Errorf("%s went through %v", goal, seen)
		}
		if owned := e.Collection.Slot >= store.FirstOwnSlot; owned != (goal == "promotion") {
			t.Errorf("after %s the slot is %d", goal, e.Collection.Slot)
		}
		e.Exec(t, e.ID, `UPDATE collection_placements SET forced = 'exact'`)
	}
}

func without(all []string, one string) (rest []string) {
	for _, s := range all {
		if s != one {
			rest = append(rest, s)
		}
	}
	return rest
}

func TestPlacementCap(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	var all []*env
	for range 3 {
		e := newPlacedEnv(t, f)
		e.fill(0, 50)
		all = append(all, e)
	}
	all[0].place()
	all[1].place()
	last := all[2]
	again, err := last.Handle.PlaceCollection(last.ctx, last.Collection.ID)
	if err != nil || again <= 0 {
		t.Fatalf("beyond the cap: again in %v, %v", again, err)
	}
	var detail string
	last.Query(t, last.ID, `SELECT detail FROM collection_placements WHERE state = 'settled' AND due_since IS NOT NULL`, &detail)
	if !strings.Contains(detail, "all 2 slots") || !strings.Contains(detail, "LINDERO_MAX_SLOTS") {
		t.Errorf("the reason given is %q", detail)
	}
	last.reread()
	last.checkPlaced()
	if err := all[0].Handle.DeleteCollection(all[0].ctx, "default"); err != nil {
		t.Fatal(err)
	}
	if err := all[0].Handle.PurgeCollection(all[0].ctx, all[0].Collection.ID); err != nil {
		t.Fatal(err)
	}
	last.place()
	if last.Collection.Slot != store.FirstOwnSlot {
		t.Errorf("after a slot became free: %d", last.Collection.Slot)
	}
	last.checkPlaced()
}

// TestPurgeReleasesSlots deletes collections and tenants in every state of a move.
func TestPurgeReleasesSlots(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, postgres.PlacementPolicy{PromoteAt: 40, DemoteAt: 20})
	stepsOfPromotion := 8
	for steps := range stepsOfPromotion {
		for _, whole := range []string{"collection", "tenant"} {
			e := newPlacedEnv(t, f)
			e.fill(0, 50)
			state := "nothing done"
			for range steps {
				var err error
				if state, _, err = postgres.PlaceStep(e.Handle, e.ctx, e.Collection.ID); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			if whole == "tenant" {
				asOwner(t, e.OwnerURL, `UPDATE tenants SET state = 'deleting' WHERE id = '`+e.ID.String()+`'`)
				err = e.Handle.PurgeTenant(e.ctx)
			} else if err = e.Handle.DeleteCollection(e.ctx, "default"); err == nil {
				err = e.Handle.PurgeCollection(e.ctx, e.Collection.ID)
			}
			if err != nil {
				t.Errorf("purging a %s after %d steps (%s): %v", whole, steps, state, err)
			}
			if _, _, err := postgres.PlaceStep(e.Handle, e.ctx, e.Collection.ID); err != nil {
				t.Errorf("a step after the purge: %v", err)
			}
			var held, vectors int
			queryRow(t, e.OwnerURL, `SELECT (SELECT count(*) FROM vector_slots WHERE collection_id IS NOT NULL), (SELECT count(*) FROM chunk_vectors)`, &held, &vectors)
			if held != 0 || vectors != 0 {
				t.Errorf("a %s purged after %d steps (%s) leaves %d slots and %d vectors", whole, steps, state, held, vectors)
			}
		}
	}
}

// TestSlotFunctionsRefuseOthers calls the owner's functions for a neighbour's collection and slot.
func TestSlotFunctionsRefuseOthers(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	a, b := newPlacedEnv(t, f), newPlacedEnv(t, f)
	a.fill(0, 50)
	a.place()
	b.fill(0, 50)
	b.place()
	for name, call := range map[string]string{
		"claim for a neighbour":      fmt.Sprintf(`SELECT claim_slot('%s', 100)`, a.Collection.ID),
		"claim for nobody":           fmt.Sprintf(`SELECT claim_slot('%s', 100)`, uuid.New()),
		"build for a neighbour":      fmt.Sprintf(`SELECT build_slot_index(1000, '%s', 65536)`, a.Collection.ID),
		"build in a neighbour's":     fmt.Sprintf(`SELECT build_slot_index(1000, '%s', 65536)`, b.Collection.ID),
		"release for a neighbour":    fmt.Sprintf(`SELECT release_slot(1000, '%s')`, a.Collection.ID),
		"release what is in use":     fmt.Sprintf(`SELECT release_slot(1001, '%s')`, b.Collection.ID),
		"truncate a leaf":            `TRUNCATE chunk_vectors_1000`,
		"read which slots are taken": `SELECT count(*) FROM vector_slots`,
		"write which slot is whose":  fmt.Sprintf(`UPDATE vector_slots SET collection_id = '%s'`, b.Collection.ID),
		"attach":                     `ALTER TABLE chunk_vectors DETACH PARTITION chunk_vectors_1000`,
	} {
		if err := f.TryExec(b.ID, call); err == nil {
			t.Errorf("%s was allowed", name)
		}
	}
	// Neither says anything of a neighbour, and a slot that is not held is left alone.
	if err := f.TryExec(b.ID, fmt.Sprintf(`SELECT release_slot(1000, '%s')`, b.Collection.ID)); err != nil {
		t.Error(err)
	}
	var held int
	f.Query(t, b.ID, fmt.Sprintf(`SELECT count(*) FROM slots_held('%s')`, a.Collection.ID), &held)
	if held != 0 {
		t.Error("a neighbour's slots are told")
	}
	a.checkPlaced()
	b.checkPlaced()
}

// TestReleaseWaitsForOlderSnapshots keeps a snapshot open across a demotion: it must find all of its rows.
func TestReleaseWaitsForOlderSnapshots(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	e := newPlacedEnv(t, f)
	e.fill(0, 60)
	e.place()
	e.drop(0, 50)
	older, err := f.Store.Pool().BeginTx(e.ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = older.Rollback(e.ctx) }()
	if _, err := older.Exec(e.ctx, `SELECT set_config('app.tenant_id', $1, true)`, e.ID.String()); err != nil {
		t.Fatal(err)
	}
	// A statement takes the snapshot; the leaf itself is not touched and thus not locked yet.
	if _, err := older.Exec(e.ctx, `SELECT count(*) FROM collections`); err != nil {
		t.Fatal(err)
	}
	again, err := e.Handle.PlaceCollection(e.ctx, e.Collection.ID)
	if err != nil || again <= 0 {
		t.Fatalf("with an older snapshot: again in %v, %v", again, err)
	}
	var rows int
	if err := older.QueryRow(e.ctx, `SELECT count(*) FROM chunk_vectors WHERE slot = $1`, e.Collection.Slot).Scan(&rows); err != nil || rows != 10 {
		t.Errorf("the older snapshot finds %d vectors (%v), want 10", rows, err)
	}
	if err := older.Rollback(e.ctx); err != nil {
		t.Fatal(err)
	}
	e.place()
	e.checkPlaced()
}

// TestPromotionWaitsForLoading puts a promotion off while the collection is being filled, and no longer.
func TestPromotionWaitsForLoading(t *testing.T) {
	t.Parallel()
	policy := smallPolicy
	policy.Quiet = time.Hour
	f := storefixture.NewPlaced(t, policy)
	e := newPlacedEnv(t, f)
	e.fill(0, 60)
	again, err := e.Handle.PlaceCollection(e.ctx, e.Collection.ID)
	if err != nil || again <= 0 {
		t.Fatalf("right after a publication: again in %v, %v", again, err)
	}
	if n := e.count("collection_placements WHERE state = 'settled' AND due_since IS NOT NULL AND detail LIKE '%being indexed%'"); n != 1 {
		t.Error("what it waits for is not told")
	}
	e.fill(60, 70)
	if n := e.queuedPlacements(); n != 1 {
		t.Errorf("%d jobs for one that waits already", n)
	}
	asOwner(t, e.OwnerURL, `UPDATE lexical_segments SET created_at = now() - interval '1 day'`)
	e.place()
	if !e.Collection.Indexed() {
		t.Errorf("when it is quiet: slot %d", e.Collection.Slot)
	}
	e.checkPlaced()
}
