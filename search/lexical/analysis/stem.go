package analysis

import (
	"strings"

	bleve "github.com/blevesearch/bleve/v2/analysis"
)

// stemmer runs bleve's stemmers, which work on streams of tokens, over single words. It is not safe for
// concurrent use; make one for each text.
type stemmer struct {
	filters []bleve.TokenFilter
	token   bleve.Token
	stream  bleve.TokenStream
	buffer  []byte
	known   map[string]string // the terms of words; nil: none is remembered
}

func newStemmer(filters []bleve.TokenFilter) *stemmer {
	s := &stemmer{filters: filters}
	s.stream = bleve.TokenStream{&s.token}
	return s
}

// maxKnown bounds the words that a stemmer remembers, some six megabytes.
const maxKnown = 1 << 16

// remember keeps the term of a word, without the text that both may be part of.
func (s *stemmer) remember(word, term string) string {
	if s.known == nil {
		return term
	}
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	term = strings.Clone(term)
	s.known[strings.Clone(word)] = term
	return term
}

// apply returns the stem of word, or word itself where a stemmer leaves nothing of it or where it holds
// anything but letters: "covid19s" and "3.5" are no inflected words.
func (s *stemmer) apply(word string) string {
	if len(s.filters) == 0 || hasDigit(word) {
		return word
	}
	s.buffer = append(s.buffer[:0], word...)
	s.token = bleve.Token{Term: s.buffer}
	for _, filter := range s.filters {
		filter.Filter(s.stream)
	}
	if len(s.token.Term) == 0 {
		return word
	}
	return string(s.token.Term)
}

func hasDigit(word string) bool {
	for i := 0; i < len(word); i++ {
		if c := word[i]; '0' <= c && c <= '9' {
			return true
		}
	}
	return false
}
