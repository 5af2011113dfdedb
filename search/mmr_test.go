package search

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lindero/fault"
)

// drawn are candidates in descending relevance with vectors of two profiles, some without one.
func drawn(t *rapid.T) (relevance []float64, directions []direction) {
	n := rapid.IntRange(0, 12).Draw(t, "candidates")
	coordinate := rapid.Float32Range(-1, 1)
	for range n {
		relevance = append(relevance, rapid.Float64Range(-1, 1).Draw(t, "relevance"))
		vector := []float32{coordinate.Draw(t, "x"), coordinate.Draw(t, "y"), coordinate.Draw(t, "z")}
		directions = append(directions, direction{rapid.IntRange(0, 1).Draw(t, "profile"), unit(vector)})
	}
	slices.SortFunc(relevance, func(a, b float64) int { return -slices.Compare([]float64{a}, []float64{b}) })
	return relevance, directions
}

// marginalBySpelling is the formula as it is written, without anything remembered between choices.
func marginalBySpelling(lambda float64, relevance []float64, directions []direction, n int) (chosen []int) {
	for len(chosen) < min(n, len(relevance)) {
		best, most := -1, math.Inf(-1)
		for i := range relevance {
			if slices.Contains(chosen, i) {
				continue
			}
			likest := math.Inf(-1)
			for _, c := range chosen {
				likest = max(likest, directions[i].similarity(directions[c]))
			}
			if len(chosen) == 0 {
				likest = 0
			}
			if value := lambda*relevance[i] - (1-lambda)*likest; value > most {
				best, most = i, value
			}
		}
		chosen = append(chosen, best)
	}
	return chosen
}

func TestMarginalIsTheFormula(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		relevance, directions := drawn(t)
		lambda, n := rapid.Float64Range(0, 1).Draw(t, "lambda"), rapid.IntRange(0, 15).Draw(t, "n")
		got, want := marginal(lambda, relevance, directions, n), marginalBySpelling(lambda, relevance, directions, n)
		if !slices.Equal(got, want) {
			t.Fatalf("chose %v, want %v", got, want)
		}
		if byRelevance := marginal(1, relevance, directions, n); !slices.IsSorted(byRelevance) {
			t.Errorf("with lambda 1 the order of relevance became %v", byRelevance)
		}
		if more := marginal(lambda, relevance, directions, n+1); !slices.Equal(more[:len(got)], got) {
			t.Errorf("asking for one more changed %v to %v: pages would overlap", got, more)
		}
	})
}

func TestSimilarityOfWhatCannotBeCompared(t *testing.T) {
	t.Parallel()
	x := direction{0, unit([]float32{3, 4})}
	for name, c := range map[string]struct {
		other direction
		want  float64
	}{
		"itself":          {x, 1},
		"opposite":        {direction{0, unit([]float32{-6, -8})}, -1},
		"another profile": {direction{1, x.vector}, 0},
		"no vector":       {direction{0, unit(nil)}, 0},
		"zeros":           {direction{0, unit([]float32{0, 0})}, 0},
	} {
		if got := x.similarity(c.other); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestMMRIsValidated(t *testing.T) {
	t.Parallel()
	lambda := func(l float64) *MMR { return &MMR{Lambda: &l} }
	deep := 1000
	for name, c := range map[string]struct {
		request Request
		code    fault.Code // empty: valid
	}{
		"difference": {Request{MMR: lambda(0)}, ""},
		"relevance":  {Request{MMR: lambda(1)}, ""},
		"most":       {Request{MMR: lambda(.5), TopK: &deep}, ""},
		"no lambda":  {Request{MMR: &MMR{}}, fault.Invalid},
		"below":      {Request{MMR: lambda(-.1)}, fault.Invalid},
		"above":      {Request{MMR: lambda(1.1)}, fault.Invalid},
		"not one":    {Request{MMR: lambda(math.NaN())}, fault.Invalid},
		"too deep":   {Request{MMR: lambda(.5), TopK: &deep, Offset: 1}, fault.Invalid},
	} {
		c.request.Query = "x"
		if _, err := parse(&c.request); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
}

func BenchmarkMarginal(b *testing.B) {
	const candidates, dimensions = 100, 768
	relevance, directions := make([]float64, candidates), make([]direction, candidates)
	for i := range directions {
		vector := make([]float32, dimensions)
		for j := range vector {
			vector[j] = float32((i*31+j*17)%97) - 48
		}
		relevance[i], directions[i] = 1/float64(i+1), direction{0, unit(vector)}
	}
	for b.Loop() {
		marginal(.5, relevance, directions, 10)
	}
}
