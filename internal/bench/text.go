package bench

import (
	"math/rand/v2"
	"strings"
)

// Shape of the generated texts: word frequencies fall as in natural language without its function words, so that
// the terms of a query are found in a handful of chunks or in a tenth of them.
const (
	vocabulary   = 30_000
	zipfExponent = 1.07
	zipfShift    = 12
	queryTerms   = 6
)

// words draws n words for the chunk i of a tenant; the same arguments give the same words.
func words(seed uint64, tenant, i, n int) []string {
	random := rand.New(rand.NewPCG(seed+uint64(tenant)+1, ^uint64(i)))
	zipf := rand.NewZipf(random, zipfExponent, zipfShift, vocabulary-1)
	drawn := make([]string, n)
	for at := range drawn {
		drawn[at] = word(int(zipf.Uint64()))
	}
	return drawn
}

// query is queryTerms different words of one chunk, or fewer where it has no more.
func termsOf(chunk []string, random *rand.Rand) string {
	var chosen []string
	seen := map[string]bool{}
	for _, at := range random.Perm(len(chunk)) {
		if w := chunk[at]; !seen[w] && len(chosen) < queryTerms {
			seen[w] = true
			chosen = append(chosen, w)
		}
	}
	return strings.Join(chosen, " ")
}

const (
	consonants = "bdfgklmnprstvz"
	vowels     = "aeiou"
	syllables  = len(consonants) * len(vowels)
)

// word spells a rank in three syllables. The closing k keeps stemmers from cutting it, and makes it no word that a
// list of stop words could hold.
func word(rank int) string {
	scrambled := (rank*7919 + 13) % (syllables * syllables * syllables)
	spelt := make([]byte, 0, 7)
	for range 3 {
		s := scrambled % syllables
		scrambled /= syllables
		spelt = append(spelt, consonants[s/len(vowels)], vowels[s%len(vowels)])
	}
	return string(append(spelt, 'k'))
}
