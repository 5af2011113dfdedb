package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/internal/storefixture"
	"lindero/store/postgres"
)

// few is how many segments are left alone.
const few = 3

// segments puts documents one by one, each of which becomes a segment.
func segments(t *testing.T, tenant storefixture.Tenant, prefix string, n int) {
	t.Helper()
	for i := range n {
		wait(t, tenant, accept(t, tenant, storefixture.Split(fmt.Sprint(prefix, i), "text of "+prefix, storefixture.Dimensions)))
	}
}

// awaitFew waits until the tenant's segments are few.
func awaitFew(t *testing.T, f *storefixture.Fixture, tenant storefixture.Tenant) {
	t.Helper()
	var n int
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		f.Query(t, tenant.ID, `SELECT count(*) FROM lexical_segments`, &n)
		if n <= few {
			return
		}
	}
	t.Errorf("%d segments are left", n)
}

// TestSegmentsAreMergedAfterALoad, of several tenants, and after a merge that failed.
func TestSegmentsAreMergedAfterALoad(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	cfg := config(f.Store, nil)
	var failed atomic.Bool
	cfg.MergeSegments = func(ctx context.Context, h *postgres.Handle, collection uuid.UUID) (time.Duration, error) {
		if !failed.Swap(true) {
			return 0, errors.New("broken off")
		}
		return h.MergeSegments(ctx, collection)
	}
	start(t, cfg)
	a, b := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	segments(t, a, "a", 7)
	segments(t, b, "b", 5)
	awaitFew(t, f, a)
	awaitFew(t, f, b)
}

// TestMergeRequestIsNotLost publishes more segments when a merge has looked and not yet ended: its job, which is the only one
// that may be, must look again.
func TestMergeRequestIsNotLost(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	cfg := config(f.Store, nil)
	looked, published := make(chan struct{}), make(chan struct{})
	var looks atomic.Int32
	cfg.MergeSegments = func(ctx context.Context, h *postgres.Handle, collection uuid.UUID) (time.Duration, error) {
		again, err := h.MergeSegments(ctx, collection)
		if err == nil && again == 0 && looks.Add(1) == 1 {
			close(looked)
			<-published
		}
		return again, err
	}
	start(t, cfg)
	tenant := f.Tenant(t, storefixture.External)
	segments(t, tenant, "a", 5)
	<-looked
	segments(t, tenant, "b", 6)
	close(published)
	awaitFew(t, f, tenant)
	if looks.Load() < 2 {
		t.Error("nobody has looked again")
	}
}

// TestSweepMergesAtStart finds what an earlier process has left with nobody to merge it.
func TestSweepMergesAtStart(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.External)
	earlier := start(t, config(f.Store, nil)) // whose merges do nothing
	segments(t, tenant, "a", 6)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := earlier.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	f.Exec(t, tenant.ID, `DELETE FROM river.river_job WHERE kind IN ('merge_segments', 'sweep_merges')`)
	cfg := config(f.Store, nil)
	cfg.MergeSegments = func(ctx context.Context, h *postgres.Handle, collection uuid.UUID) (time.Duration, error) {
		return h.MergeSegments(ctx, collection)
	}
	start(t, cfg)
	awaitFew(t, f, tenant)
}
