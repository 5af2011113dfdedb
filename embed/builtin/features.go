package builtin

import (
	"math"

	"lindero/embed"
	"lindero/search/lexical/analysis"
)

// The recipe, chosen by measurement (docs/decisions/0002). Changing any of it changes the vectors, and so
// requires another Model.
const (
	gramBytes = 3 // character n-grams of this many bytes, within one word
	// gramShare is how much the n-grams of a word weigh together against the word as a whole: the more,
	// the better misspelt words are found and the worse correct ones.
	gramShare = 2.0
	// stopWeight is what a stop word counts; not 0, so that "to be or not to be" has a direction.
	stopWeight = 0.05
)

// vector hashes the features of a text into unit length.
func (e *Embedder) vector(text string) []float32 {
	counts := make(map[string]int, len(text)/8+1)
	terms := analysis.For("").Terms(text)
	distinct := terms[:0]
	for _, term := range terms {
		if counts[term]++; counts[term] == 1 {
			distinct = append(distinct, term)
		}
	}
	// Sums run in the order of the text, so that equal texts get bit-equal vectors.
	sums := make([]float64, e.dimensions)
	for _, term := range distinct {
		addWord(sums, term, 1+math.Log(float64(counts[term])))
	}
	vector := make([]float32, e.dimensions)
	for i, sum := range sums {
		vector[i] = float32(sum)
	}
	if embed.Normalize(vector) == nil {
		return vector
	}
	for i := range vector {
		vector[i] = float32(1 / math.Sqrt(float64(e.dimensions)))
	}
	return vector
}

// addWord adds the features of one word: itself, and its n-grams with marks at both ends, whose weight
// is shared so that long words count no more than short ones.
func addWord(sums []float64, term string, weight float64) {
	if analysis.IsStopWord(term) {
		weight *= stopWeight
	}
	addFeature(sums, hash(term, 0), weight)
	var buffer [300]byte
	marked := append(append(append(buffer[:0], '<'), term...), '>')
	grams := len(marked) - gramBytes + 1
	if grams < 1 {
		return
	}
	each := weight * gramShare / math.Sqrt(float64(grams))
	for i := range grams {
		addFeature(sums, hash(string(marked[i:i+gramBytes]), gramBytes), each)
	}
}

// addFeature adds a feature to the component that its hash names, with the sign that its hash names.
func addFeature(sums []float64, h uint64, weight float64) {
	if h&1 == 1 {
		weight = -weight
	}
	sums[(h>>32)*uint64(len(sums))>>32] += weight
}

// hash is FNV-1a with the finisher of MurmurHash3, whose bits are all usable. kind keeps features of
// different kinds apart.
func hash(s string, kind uint64) uint64 {
	h := 14695981039346656037 ^ kind*0x9E3779B97F4A7C15
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
