package bench

import (
	"cmp"
	"slices"
)

// shares is how finely chunks are divided for filters: chunk i carries a number from 0 to shares-1, evenly spread,
// so that share < s holds for s/shares of the chunks.
const shares = 10_000

// shareOf spreads the numbers over the chunks of a tenant without order.
func shareOf(i, chunks int) int {
	step := 7919
	for gcd(step, chunks) != 1 {
		step++
	}
	return i * step % chunks * shares / chunks
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// truth collects the best chunks for one query by brute force, in float32, while the chunks pass by.
type truth struct {
	query []float32
	below int // only chunks whose share is below this
	k     int
	best  []neighbour // by descending similarity
}

type neighbour struct {
	chunk      int
	similarity float32
}

func (t *truth) offer(chunk, share int, vector []float32) {
	if share >= t.below {
		return
	}
	n := neighbour{chunk, dot(t.query, vector)}
	at, _ := slices.BinarySearchFunc(t.best, n, func(a, b neighbour) int {
		return cmp.Or(cmp.Compare(b.similarity, a.similarity), cmp.Compare(a.chunk, b.chunk))
	})
	if at == t.k {
		return
	}
	t.best = slices.Insert(t.best[:min(len(t.best), t.k-1)], at, n)
}

// found counts how many of the true best are among chunks.
func (t *truth) found(chunks []int) (n int) {
	for _, best := range t.best {
		if slices.Contains(chunks, best.chunk) {
			n++
		}
	}
	return n
}
