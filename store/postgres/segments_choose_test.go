package postgres

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// merging is a collection's segments under the policy, as numbers.
type merging struct {
	segmentation
	next      int64
	published int64
	rewritten int64
}

func (m *merging) publish(chunks int64) {
	m.next++
	m.published += chunks
	m.segments = append(m.segments, segmentRow{ID: m.next, Chunks: chunks})
}

// settle merges until the policy is content; every merge takes dead chunks out as far as its segments hold them, oldest
// first.
func (m *merging) settle(t interface{ Fatalf(string, ...any) }) {
	for merges := 0; ; merges++ {
		group := m.merge()
		if group == nil {
			return
		}
		if merges > 200 {
			t.Fatalf("no end: %v, %d dead", m.sizes(), m.dead)
		}
		taken := map[int64]bool{}
		total := int64(0)
		for _, s := range group {
			taken[s.ID] = true
			total += s.Chunks
		}
		if len(group) > 1 && (total > maxMerged || len(group) > mergedAtOnce) {
			t.Fatalf("a merge of %d segments with %d chunks", len(group), total)
		}
		m.rewritten += total
		rest := m.segments[:0:0]
		for _, s := range m.segments {
			if !taken[s.ID] {
				rest = append(rest, s)
			}
		}
		gone := min(m.dead, total)
		m.dead -= gone
		m.segments = rest
		if m.next++; total > gone {
			m.segments = append(m.segments, segmentRow{ID: m.next, Chunks: total - gone})
		}
	}
}

func (m *merging) sizes() (sizes []int64) {
	for _, s := range m.segments {
		sizes = append(sizes, s.Chunks)
	}
	return sizes
}

func TestMergePolicy(t *testing.T) {
	for name, test := range map[string]struct {
		sizes   []int64
		dead    int64
		loading bool
		want    []int64 // the sizes of what is merged
	}{
		"nothing":                       {},
		"few":                           {sizes: []int64{10, 10, 10}},
		"a load":                        {sizes: []int64{2000, 2000, 2000, 2000, 500}, want: []int64{500, 2000, 2000, 2000, 2000}},
		"a load under way":              {sizes: []int64{2000, 2000, 2000, 2000, 500}, loading: true},
		"a long load under way":         {sizes: same(2000, 32), loading: true, want: same(2000, 32)},
		"small beside large":            {sizes: []int64{40_000, 10, 10, 10}, want: []int64{10, 10, 10}},
		"sizes that fall":               {sizes: []int64{40_000, 9000, 2000, 400}},
		"sizes that fall, then crumbs":  {sizes: []int64{40_000, 9000, 2000, 90, 5}, want: []int64{5, 90}},
		"a quarter dead in one segment": {sizes: []int64{100}, dead: 25, want: []int64{100}},
		"less than a quarter dead":      {sizes: []int64{100}, dead: 24},
		"a quarter dead while loading":  {sizes: []int64{100}, dead: 25, loading: true},
		"half dead while loading":       {sizes: []int64{100}, dead: 50, loading: true, want: []int64{100}},
		"too large to merge":            {sizes: []int64{maxMerged, maxMerged, maxMerged, maxMerged}},
		"too large for one merge":       {sizes: []int64{150_000, 150_000, 40_000, 30_000}, want: []int64{30_000, 40_000}},
		"one too large and dead":        {sizes: []int64{3 * maxMerged}, dead: 2 * maxMerged, want: []int64{3 * maxMerged}},
	} {
		m := merging{segmentation: segmentation{dead: test.dead, loading: test.loading}}
		for _, size := range test.sizes {
			m.publish(size)
		}
		var got []int64
		for _, s := range m.merge() {
			got = append(got, s.Chunks)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func same(size int64, n int) []int64 {
	sizes := make([]int64, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// TestMergesComeToAnEnd publishes, deletes and merges at random: when all is quiet few segments are left, few dead chunks,
// and no chunk is lost.
func TestMergesComeToAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := merging{}
		removed := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"publish", "publish", "delete", "loading", "quiet"}).Draw(t, "step") {
			case "publish":
				m.publish(int64(math.Exp(rapid.Float64Range(0, 11).Draw(t, "log size"))))
			case "delete":
				n := int64(rapid.Float64Range(0, 1).Draw(t, "share") * float64(m.published-removed))
				removed, m.dead = removed+n, m.dead+n
			case "loading":
				m.loading = true
				m.settle(t)
			case "quiet":
				m.loading = false
				m.settle(t)
			}
		}
		m.loading = false
		m.settle(t)
		total := int64(0)
		for _, size := range m.sizes() {
			total += size
		}
		if total-m.dead != m.published-removed {
			t.Fatalf("%d live chunks of %d", total-m.dead, m.published-removed)
		}
		if m.dead > 0 && m.dead*deadShare >= total {
			t.Fatalf("%d of %d are dead", m.dead, total)
		}
		if most := mostSegments(total); len(m.segments) > most {
			t.Fatalf("%v: %d segments, at most %d are expected", m.sizes(), len(m.segments), most)
		}
	})
}

// mostSegments bounds what is left of so many chunks: each segment has more than mergeRatio times what all smaller ones
// have, and all but the smallest are no crumbs; or two together are too large for a merge.
func mostSegments(chunks int64) int {
	falling := math.Log(max(1, float64(chunks)/cheapMerge)) / math.Log(mergeRatio+1)
	return max(fewSegments, 2+int(math.Ceil(falling))) + int(2*chunks/maxMerged)
}

// TestRewritingIsBounded counts how often a chunk is rewritten while a collection grows to 40,000.
func TestRewritingIsBounded(t *testing.T) {
	for name, test := range map[string]struct {
		batch, quietEvery int64
		most              float64 // times that each chunk is rewritten
	}{
		"one load":                          {batch: 2000, quietEvery: 1 << 40, most: 2},
		"a load in small batches":           {batch: 256, quietEvery: 1 << 40, most: 3},
		"quiet after every batch":           {batch: 2000, quietEvery: 1, most: 6},
		"quiet after every small one":       {batch: 100, quietEvery: 1, most: 10},
		"quiet after every single document": {batch: 1, quietEvery: 1, most: 60},
		"single documents, never quiet":     {batch: 1, quietEvery: 1 << 40, most: 5},
	} {
		m := merging{}
		for n := int64(1); m.published < 40_000; n++ {
			m.publish(test.batch)
			m.loading = n%test.quietEvery != 0
			m.settle(t)
		}
		m.loading = false
		m.settle(t)
		share := float64(m.rewritten) / float64(m.published)
		t.Logf("%s: each chunk rewritten %.1f times; %v", name, share, m.sizes())
		if share > test.most {
			t.Errorf("%s: each chunk rewritten %.1f times, at most %.1f wanted", name, share, test.most)
		}
	}
}
