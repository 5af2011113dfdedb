package analysis

import (
	"slices"

	bleve "github.com/blevesearch/bleve/v2/analysis"
)

// QueryTerm is a distinct term of a query and how often the query has it (≥ 1). Repetition counts: in
// long questions it says what they are about.
type QueryTerm struct {
	Term  string
	Count int
}

// QueryTerms returns the distinct terms of a query against documents analysed in the given languages
// ("" among them for documents of no supported language): language by language in sorted order, within
// one in the order of the text. The order is part of the contract: BM25 sums in it, so equal queries
// score bit-equal. A term that several languages yield counts as often as it does in the first of them.
//
// With several languages, the stop words of the language the query itself is in are dropped everywhere:
// otherwise "the" of an English query is a rare, and so weighty, word among Spanish documents.
func QueryTerms(languages []string, text string) []QueryTerm {
	languages = slices.Compact(slices.Sorted(slices.Values(languages)))
	if len(languages) > 1 {
		if own := For(byStopWords(text)); own.language != "" {
			if terms := queryTerms(languages, text, own.stop); len(terms) > 0 {
				return terms
			}
		}
	}
	return queryTerms(languages, text, nil)
}

func queryTerms(languages []string, text string, drop bleve.TokenMap) []QueryTerm {
	var terms []QueryTerm
	type place struct{ index, language int }
	places := map[string]place{}
	for l, language := range languages {
		a := For(language)
		a.each(text, drop, newStemmer(a.stemmers), func(t Token) {
			at, again := places[t.Term]
			switch {
			case !again:
				places[t.Term] = place{len(terms), l}
				terms = append(terms, QueryTerm{Term: t.Term, Count: 1})
			case at.language == l:
				terms[at.index].Count++
			}
		})
	}
	return terms
}
