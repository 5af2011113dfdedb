// Package analysis turns text into the terms of the lexical index: Unicode words, lower case, stop words
// dropped, stemmed by the language's stemmer, accents folded. Scripts without spaces become single
// characters and pairs of them. It is pure, deterministic and safe for concurrent use.
package analysis

import (
	"unicode/utf8"

	bleve "github.com/blevesearch/bleve/v2/analysis"
)

// Token is a term with the bytes text[Start:End] it was made of.
type Token struct {
	Term       string
	Start, End int
}

// Analyzer makes terms of texts in one language.
type Analyzer struct {
	language  string
	stop      bleve.TokenMap
	elisions  bleve.TokenMap
	stemmers  []bleve.TokenFilter
	foldFirst bool
}

// For returns the analyzer of an ISO 639-1 language; for "" and any language without one of its own, the
// one that only folds and drops no word.
func For(language string) *Analyzer {
	if a := analyzers[language]; a != nil {
		return a
	}
	return analyzers[""]
}

// Language is the ISO 639-1 code of the analyzer, "" for the one that only folds.
func (a *Analyzer) Language() string { return a.language }

// Terms returns the terms of text in order, repetitions included. Their number is the text's length in
// the sense of BM25. A term is valid UTF-8, never empty, and at most 64 runes and 256 bytes long.
func (a *Analyzer) Terms(text string) []string {
	terms := make([]string, 0, len(text)/8+1)
	a.each(text, nil, newStemmer(a.stemmers), func(t Token) { terms = append(terms, t.Term) })
	return terms
}

// Tokens is Terms with the place of each term in text, for highlights. The places of the character pairs
// of a script without spaces overlap.
func (a *Analyzer) Tokens(text string) []Token {
	tokens := make([]Token, 0, len(text)/8+1)
	a.each(text, nil, newStemmer(a.stemmers), func(t Token) { tokens = append(tokens, t) })
	return tokens
}

// each yields the tokens of text. Words in drop are left out besides the analyzer's own stop words.
func (a *Analyzer) each(text string, drop bleve.TokenMap, stem *stemmer, yield func(Token)) {
	isStop := func(w string) bool { return a.stop[w] || drop[w] }
	emit := func(term string, start, end int) {
		if term != "" { // accents alone fold to nothing
			yield(Token{Term: bounded(term), Start: start, End: end})
		}
	}
	var previous word
	eachWord(text, isStop, func(w word) {
		switch {
		case w.spaceless:
			if previous.spaceless && w.start <= previous.end && w.start >= previous.start {
				emit(fold(previous.lower+w.lower), previous.start, w.end)
			}
			emit(fold(w.lower), w.start, w.end)
		case isStop(w.lower), w.joined && a.elisions[w.lower]:
		default:
			emit(a.term(w.lower, stem), w.start, w.end)
		}
		previous = w
	})
}

func (a *Analyzer) term(lowered string, stem *stemmer) string {
	if known, ok := stem.known[lowered]; ok {
		return known
	}
	var term string
	if a.foldFirst {
		term = stem.apply(fold(lowered))
	} else {
		term = fold(stem.apply(lowered))
	}
	return stem.remember(lowered, term)
}

// bounded cuts s to the longest term the index takes.
func bounded(s string) string {
	if len(s) <= maxTermRunes {
		return s
	}
	runes := 0
	for i := range s {
		if runes == maxTermRunes || i > 4*maxTermRunes-utf8.UTFMax {
			return s[:i]
		}
		runes++
	}
	return s
}
