package bench

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseClasses(t *testing.T) {
	t.Parallel()
	got, err := ParseClasses("1x40000, 3x10000")
	if err != nil || !slices.Equal(got, []Class{{1, 40000}, {3, 10000}}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range []string{"", "x", "5", "0x3", "3x-1", "1x2x3", "200000x1", "2x49000000", "99999999999999999999x1"} {
		if got, err := ParseClasses(wrong); err == nil {
			t.Errorf("%q gives %v", wrong, got)
		}
	}
	for _, name := range []string{Quick, Full} {
		if _, err := ParseClasses(name); err != nil {
			t.Error(err)
		}
	}
}

func TestSharesAreEvenlySpread(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		chunks := rapid.IntRange(1, 30_000).Draw(t, "chunks")
		below := rapid.IntRange(1, shares).Draw(t, "below")
		n := 0
		for i := range chunks {
			if shareOf(i, chunks) < below {
				n++
			}
		}
		if want := chunks * below / shares; n < want || n > want+1 || n != matching(chunks, below) {
			t.Fatalf("%d of %d chunks are below %d, want %d", n, chunks, below, want)
		}
	})
}

func TestTruthIsBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(0, 50).Draw(t, "n"), rapid.IntRange(1, 12).Draw(t, "k")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		got := &truth{query: unit(gaussian(random, 5)), below: 5000, k: k}
		var want []neighbour
		for i := range n {
			v, share := unit(gaussian(random, 5)), random.IntN(shares)
			got.offer(i, share, v)
			if share < 5000 {
				want = append(want, neighbour{i, dot(got.query, v)})
			}
		}
		slices.SortFunc(want, func(a, b neighbour) int { return cmp.Compare(b.similarity, a.similarity) })
		if want = want[:min(k, len(want))]; !slices.Equal(got.best, want) && len(want)+len(got.best) > 0 {
			t.Fatalf("%v, want %v", got.best, want)
		}
	})
}

func TestDataIsAFunctionOfItsSeed(t *testing.T) {
	t.Parallel()
	a, b, other := newSpace(1, 32), newSpace(1, 32), newSpace(2, 32)
	if !slices.Equal(a.chunk(3, 7), b.chunk(3, 7)) || !slices.Equal(a.query(3, 7), b.query(3, 7)) {
		t.Error("the same seed makes other vectors")
	}
	seen := [][]float32{a.chunk(3, 7)}
	for _, v := range [][]float32{a.chunk(3, 8), a.chunk(4, 7), a.query(3, 7), other.chunk(3, 7)} {
		if slices.ContainsFunc(seen, func(s []float32) bool { return slices.Equal(s, v) }) {
			t.Error("two vectors are equal")
		}
		if length := math.Sqrt(float64(dot(v, v))); math.Abs(length-1) > 1e-5 {
			t.Errorf("length %v", length)
		}
		seen = append(seen, v)
	}
	if !slices.Equal(words(1, 2, 3, 50), words(1, 2, 3, 50)) || slices.Equal(words(1, 2, 3, 50), words(1, 2, 4, 50)) {
		t.Error("texts do not follow from their arguments")
	}
}

func TestWordsAreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for rank := range vocabulary {
		seen[word(rank)] = true
	}
	if len(seen) != vocabulary {
		t.Errorf("%d words for %d ranks", len(seen), vocabulary)
	}
	if terms := strings.Fields(termsOf(words(1, 1, 1, 150), rand.New(rand.NewPCG(1, 1)))); len(terms) != queryTerms {
		t.Errorf("query %v", terms)
	}
}

func TestFvecs(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	for i := range 21 {
		v := []float32{float32(i), 0} // the first has no direction and is left out
		_ = binary.Write(&file, binary.LittleEndian, int32(2))
		_ = binary.Write(&file, binary.LittleEndian, v)
	}
	path := filepath.Join(t.TempDir(), "base.fvecs")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openFvecs(path, 1)
	if err != nil || f.dimensions() != 2 || len(f.base) != 18 || len(f.queries) != 2 {
		t.Fatalf("%+v, %v", f, err)
	}
	if v := f.chunk(5, 100); v[0] != 1 || v[1] != 0 {
		t.Errorf("not a unit vector: %v", v)
	}
	for name, content := range map[string][]byte{"cut": file.Bytes()[:40], "negative": {255, 255, 255, 255}, "few": file.Bytes()[:48]} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openFvecs(path, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
