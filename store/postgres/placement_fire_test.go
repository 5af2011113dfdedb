package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/postgres"
)

// fireEnv makes the test under fire as large as the variable says, in chunks, with a threshold of a twentieth.
const fireEnv = "LINDERO_FIRE_CHUNKS"

// killsEachWay bounds the kills on the way up and down: on a busy machine a step may last longer than it is left alone.
// The large version takes more.
const (
	killsEachWay      = 12
	killsEachWayLarge = 40
)

// longestLife is the longest time between two looks at whether there is a move to break.
const longestLife = 200 * time.Millisecond

// TestPlacementUnderFire has a collection grow past the threshold and shrink again while searches run against it, and
// kills the process that moves it at random all the while. No search may err, or return a deleted, a foreign or a
// doubled hit, or fewer than there are.
func TestPlacementUnderFire(t *testing.T) {
	t.Parallel()
	size, kills := 600, int64(killsEachWay)
	if asked, err := strconv.Atoi(os.Getenv(fireEnv)); err == nil {
		size, kills = asked, killsEachWayLarge
	}
	policy := postgres.PlacementPolicy{PromoteAt: int64(size / 5), DemoteAt: int64(size / 8), Quiet: time.Nanosecond}
	f := storefixture.NewPlaced(t, policy)
	fire := &underFire{env: newPlacedEnv(t, f), kills: map[string]int{}}
	fire.order = moverOrder{URL: f.AppURL + "&application_name=mover", Tenant: fire.ID.UUID(), Collection: fire.Collection.ID, Policy: policy}
	fire.killsLeft.Store(kills)
	fire.deletedAt = make([]atomic.Int64, size)
	fire.publishedAt = make([]atomic.Int64, size)
	neighbour := newPlacedEnv(t, f)
	neighbour.fill(0, 50)

	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for n := range 2 {
		group.Go(func() { fire.searchUntil(ctx, uint64(n)) })
	}
	group.Go(func() { fire.moveUntil(ctx) })
	for from := 0; from < size; from += size / 20 {
		fire.grow(from, from+size/20)
	}
	fire.await("promoted", func(slot int) bool { return slot >= store.FirstOwnSlot })
	fire.killsLeft.Store(kills)
	for from := 0; from < size-size/20; from += size / 20 {
		fire.shrink(from, from+size/20)
	}
	fire.await("demoted", func(slot int) bool { return slot < store.FirstOwnSlot })
	stop()
	group.Wait()
	fire.place()
	fire.checkPlaced()
	neighbour.checkConsistent()
	if fire.searches.Load() == 0 || len(fire.kills) == 0 {
		t.Errorf("%d searches, kills %v: nothing was under fire", fire.searches.Load(), fire.kills)
	}
	t.Logf("%d searches; the mover was killed in these states: %v", fire.searches.Load(), fire.kills)
}

// underFire keeps when each document was published and deleted, as ticks of a clock that every search reads before and
// after: what was live throughout must be counted, what was dead throughout must not be found.
type underFire struct {
	*env
	order                  moverOrder
	clock                  atomic.Int64
	publishedAt, deletedAt []atomic.Int64 // 0: not yet
	searches, killsLeft    atomic.Int64
	kills                  map[string]int // by the state that the move was in; of moveUntil alone
}

func (u *underFire) grow(from, to int) {
	u.fill(from, to)
	for i := from; i < to; i++ {
		u.publishedAt[i].Store(u.clock.Add(1))
	}
}

func (u *underFire) shrink(from, to int) {
	u.drop(from, to)
	for i := from; i < to; i++ {
		u.deletedAt[i].Store(u.clock.Add(1))
	}
}

func (u *underFire) searchUntil(ctx context.Context, seed uint64) {
	service := newService(u)
	random := rand.New(rand.NewPCG(seed, 1))
	for ctx.Err() == nil {
		started := u.clock.Add(1)
		vector := storefixture.Vector(fmt.Sprint("query", random.IntN(1000)), storefixture.Dimensions)
		found, err := service.Search(context.WithoutCancel(ctx), u.Handle, u.ID, search.Request{Vector: vector, Mode: search.Semantic})
		if err != nil {
			u.Errorf("a search failed: %v", err)
			continue
		}
		u.searches.Add(1)
		u.judge(started, found)
	}
}

func (u *underFire) judge(started int64, found search.Response) {
	seen := map[string]bool{}
	for _, id := range idsOf(found) {
		if seen[id] {
			u.Errorf("%s was found twice", id)
		}
		seen[id] = true
		n, err := strconv.Atoi(id[1:])
		if err != nil || n >= len(u.deletedAt) {
			u.Errorf("%s is nobody's", id)
			continue
		}
		if at := u.deletedAt[n].Load(); at > 0 && at < started {
			u.Errorf("%s was found after it was deleted", id)
		}
	}
	sure := 0 // published before the search began, and not deleted before it was over
	for i := range u.publishedAt {
		if at := u.publishedAt[i].Load(); at > 0 && at < started && u.deletedAt[i].Load() == 0 {
			sure++
		}
	}
	if len(seen) < min(10, sure) {
		u.Errorf("%d results where %d documents were there throughout", len(seen), sure)
	}
}

// moveUntil runs the mover's process, and a new one whenever it has been killed. It is killed in the middle of moves
// only: where nothing is under way, there is nothing to break.
func (u *underFire) moveUntil(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		mover := startMover(u, u.order)
		for sleepFor(ctx, rand.N(longestLife)) {
			if u.killsLeft.Load() > 0 && u.breaks(n%4 == 0) {
				break
			}
		}
		_ = mover.Process.Kill()
		_ = mover.Wait()
	}
}

// breaks reports whether a move is under way, and notes its state. With cut, the database ends the connections first, as
// its restart does, and the process lives a little longer.
func (u *underFire) breaks(cut bool) bool {
	conn, err := pgx.Connect(u.ctx, u.OwnerURL)
	if err != nil {
		u.Error(err)
		return false
	}
	defer func() { _ = conn.Close(u.ctx) }()
	var state string
	err = conn.QueryRow(u.ctx, `SELECT state FROM collection_placements WHERE collection_id = $1 AND state <> 'settled'`, u.Collection.ID).Scan(&state)
	if errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	if err == nil && cut {
		_, err = conn.Exec(u.ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'mover'`)
		sleepFor(u.ctx, rand.N(longestLife))
	}
	if err != nil {
		u.Error(err)
	}
	u.kills[state]++
	u.killsLeft.Add(-1)
	return true
}

// sleepFor reports whether the time passed before ctx was done.
func sleepFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// await waits until searches look in such a slot.
func (u *underFire) await(what string, is func(slot int) bool) {
	u.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		c, err := u.Handle.Collection(u.ctx, "default") // u.Collection belongs to the workers meanwhile
		if err != nil {
			u.Fatal(err)
		}
		if is(c.Slot) {
			return
		}
	}
	var row string
	u.Query(u, u.Tenant.ID, `SELECT coalesce(string_agg(p::text, ' '), 'none') FROM collection_placements p`, &row)
	u.Fatalf("not %s: %s", what, row)
}
