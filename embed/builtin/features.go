package builtin

import (
	"math"
	"unicode/utf8"

	"lindero/embed"
	"lindero/search/lexical/analysis"
)

// The recipe, chosen by measurement (docs/decisions/0002). Changing any of it changes the vectors, and so
// requires another Model.
const (
	minGram, maxGram = 3, 4 // characters of an n-gram, all within one word and its marks
	// gramShare is how much the n-grams of a word weigh against the word as a whole: the more, the better
	// misspelt words are found and the worse correct ones.
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

// addWord adds the features of one word: itself, and its n-grams with marks at both ends. The fourth root
// lets a long word, which is a rare one more often than not, count somewhat more than a short one.
func addWord(sums []float64, term string, weight float64) {
	if analysis.IsStopWord(term) {
		weight *= stopWeight
	}
	addFeature(sums, hash([]byte(term), 0), weight)
	var text [maxMarkedBytes]byte
	marked := append(append(append(text[:0], '<'), term...), '>')
	var starts [maxMarkedBytes + 1]int // where each character begins, and the end
	characters := characterStarts(marked, &starts)
	grams := 0
	for n := minGram; n <= maxGram; n++ {
		grams += max(characters-n+1, 0)
	}
	if grams == 0 {
		return
	}
	each := weight * gramShare / math.Sqrt(math.Sqrt(float64(grams)))
	for n := minGram; n <= maxGram; n++ {
		for i := 0; i+n <= characters; i++ {
			addFeature(sums, hash(marked[starts[i]:starts[i+n]], uint64(n)), each)
		}
	}
}

// maxMarkedBytes is the longest term of package analysis, with a mark at both ends.
const maxMarkedBytes = 256 + 2

// characterStarts returns the number of characters of marked, and in starts their places.
func characterStarts(marked []byte, starts *[maxMarkedBytes + 1]int) int {
	count := 0
	for i, c := range marked {
		if utf8.RuneStart(c) {
			starts[count] = i
			count++
		}
	}
	starts[count] = len(marked)
	return count
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
func hash(s []byte, kind uint64) uint64 {
	h := 14695981039346656037 ^ kind*0x9E3779B97F4A7C15
	for _, c := range s {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
