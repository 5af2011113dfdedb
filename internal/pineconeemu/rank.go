package pineconeemu

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
)

// ranked is a row with its cosine similarity to the query.
type ranked struct {
	row   int
	score float32
}

// valuesPerWorker is how much work makes another goroutine worth its start.
const valuesPerWorker = 1 << 20

// nearest returns the k rows most similar to the query among those that f lets through, best first, ties in order of
// id. It compares with every row, so what it returns is exact up to float32 rounding.
func (t *table) nearest(query []float32, k int, f filter) []ranked {
	workers := min(runtime.GOMAXPROCS(0), 1+t.len()*t.dimension/valuesPerWorker)
	parts := make([][]ranked, workers)
	inverse := inverseLength(query)
	var scanning sync.WaitGroup
	for w := range workers {
		first, end := t.len()*w/workers, t.len()*(w+1)/workers
		scan := func() { parts[w] = t.scan(query, inverse, k, f, first, end) }
		if w == workers-1 {
			scan()
		} else {
			scanning.Go(scan)
		}
	}
	scanning.Wait()
	best := slices.Concat(parts...)
	slices.SortFunc(best, t.compare)
	return best[:min(k, len(best))]
}

// scan keeps the best k of the rows from first to before end in a heap whose root is the worst of them.
func (t *table) scan(query []float32, inverse float32, k int, f filter, first, end int) []ranked {
	heap := make([]ranked, 0, min(k, end-first))
	for row := first; row < end; row++ {
		if !f.matches(t.metadata[row]) {
			continue
		}
		r := ranked{row: row, score: dot(query, t.values(row)) * inverse * t.inverse[row]}
		switch {
		case len(heap) < k:
			heap = append(heap, r)
			t.siftUp(heap)
		case t.compare(r, heap[0]) < 0:
			heap[0] = r
			t.siftDown(heap)
		}
	}
	return heap
}

// compare is negative when a ranks before b.
func (t *table) compare(a, b ranked) int {
	if c := cmp.Compare(b.score, a.score); c != 0 {
		return c
	}
	return cmp.Compare(t.ids[a.row], t.ids[b.row])
}

func (t *table) siftUp(heap []ranked) {
	for i := len(heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if t.compare(heap[i], heap[parent]) <= 0 {
			return
		}
		heap[i], heap[parent] = heap[parent], heap[i]
		i = parent
	}
}

func (t *table) siftDown(heap []ranked) {
	for i := 0; ; {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if t.compare(heap[child], heap[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		heap[i], heap[worst] = heap[worst], heap[i]
		i = worst
	}
}

// dot is the inner product of two vectors of equal length. Eight sums keep the additions independent of each other,
// which is worth a factor of three over a plain loop.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(a) >= 8 && len(b) >= 8 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		s4 += a[4] * b[4]
		s5 += a[5] * b[5]
		s6 += a[6] * b[6]
		s7 += a[7] * b[7]
		a, b = a[8:], b[8:]
	}
	for i := range min(len(a), len(b)) {
		s0 += a[i] * b[i]
	}
	return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
}
