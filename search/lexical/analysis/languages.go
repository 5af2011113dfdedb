package analysis

import (
	"slices"

	bleve "github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/de"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/bleve/v2/analysis/lang/it"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/token/porter"
)

// language is what one language needs beyond words, lower case and folding.
type language struct {
	code      string
	stopWords [][]byte // lists in bleve's format
	elisions  []byte   // what an apostrophe ties to a word and means nothing by itself
	stemmers  []bleve.TokenFilter
	// foldFirst: the stemmer expects text without accents; otherwise its rules need them.
	foldFirst bool
}

// Snowball's Spanish list lacks the accented question words and leaves forms of common verbs as comments;
// the English one lacks what remains of contractions.
var (
	spanishExtra    = []byte("qué cómo cuál cuáles cuándo cuánto cuánta cuántos cuántas dónde adónde quién quiénes es son fue ha han ser está tiene")
	englishElisions = []byte("s t d m ll re ve")
)

// languages lists the supported languages in the fixed order that query analysis follows.
var languages = []language{
	{code: "de", stopWords: [][]byte{de.GermanStopWords}, stemmers: []bleve.TokenFilter{de.NewGermanNormalizeFilter(), de.NewGermanLightStemmerFilter()}},
	{code: "en", stopWords: [][]byte{en.EnglishStopWords}, elisions: englishElisions, stemmers: []bleve.TokenFilter{porter.NewPorterStemmer()}, foldFirst: true},
	{code: "es", stopWords: [][]byte{es.SpanishStopWords, spanishExtra}, stemmers: []bleve.TokenFilter{es.NewSpanishLightStemmerFilter()}, foldFirst: true},
	{code: "fr", stopWords: [][]byte{fr.FrenchStopWords}, elisions: fr.FrenchArticles, stemmers: []bleve.TokenFilter{fr.NewFrenchLightStemmerFilter()}},
	{code: "it", stopWords: [][]byte{it.ItalianStopWords}, elisions: it.ItalianArticles, stemmers: []bleve.TokenFilter{it.NewItalianLightStemmerFilterFilter()}},
	{code: "pt", stopWords: [][]byte{pt.PortugueseStopWords}, stemmers: []bleve.TokenFilter{pt.NewPortugueseLightStemmerFilter()}},
}

var (
	analyzers = func() map[string]*Analyzer {
		byCode := map[string]*Analyzer{"": {}}
		for _, l := range languages {
			byCode[l.code] = newAnalyzer(l)
		}
		return byCode
	}()
	// stopWordLanguages tells for each stop word which languages have it, as indexes into languages.
	stopWordLanguages = func() map[string][]int {
		all := map[string][]int{}
		for i, l := range languages {
			for w := range analyzers[l.code].stop {
				all[w] = append(all[w], i)
			}
		}
		return all
	}()
)

// foldedStopWords are the stop words of all languages as the folding analyzer yields them.
var foldedStopWords = func() map[string]struct{} {
	all := make(map[string]struct{}, len(stopWordLanguages))
	for w := range stopWordLanguages {
		all[fold(w)] = struct{}{}
	}
	return all
}()

// IsStopWord reports whether a term of For("") is a stop word in any of the supported languages.
func IsStopWord(folded string) bool {
	_, stop := foldedStopWords[folded]
	return stop
}

func newAnalyzer(l language) *Analyzer {
	a := &Analyzer{language: l.code, stop: tokenMap(l.stopWords...), elisions: tokenMap(l.elisions), stemmers: l.stemmers, foldFirst: l.foldFirst}
	return a
}

// tokenMap reads lists that are compiled in; reading from memory cannot fail.
func tokenMap(lists ...[]byte) bleve.TokenMap {
	all := bleve.NewTokenMap()
	for _, list := range lists {
		if err := all.LoadBytes(list); err != nil {
			panic("analysis: built-in word list: " + err.Error())
		}
	}
	return all
}

// Languages returns the ISO 639-1 codes with their own stop words and stemmer, sorted.
func Languages() []string {
	codes := make([]string, len(languages))
	for i, l := range languages {
		codes[i] = l.code
	}
	return slices.Clip(codes)
}

// Supported reports whether language has an analyzer of its own.
func Supported(language string) bool { return language != "" && analyzers[language] != nil }
