package analysis

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/abadojack/whatlanggo"
)

const (
	// detectBytes is how much of a text is looked at: more changes no outcome and costs time.
	detectBytes = 2000
	// minVotes is how many more stop words than the runner-up make a decision by themselves.
	minVotes = 2
	// minTrigramRunes: below it whatlanggo's trigrams are guesswork.
	minTrigramRunes = 60
)

var whatlangOptions, whatlangCodes = func() (whatlanggo.Options, map[whatlanggo.Lang]string) {
	allowed := map[whatlanggo.Lang]bool{}
	codes := map[whatlanggo.Lang]string{
		whatlanggo.Deu: "de", whatlanggo.Eng: "en", whatlanggo.Spa: "es",
		whatlanggo.Fra: "fr", whatlanggo.Ita: "it", whatlanggo.Por: "pt",
	}
	for lang := range codes {
		allowed[lang] = true
	}
	return whatlanggo.Options{Whitelist: allowed}, codes
}()

// Detect names the supported language (ISO 639-1) that text is written in, or "" when it cannot tell or
// the language is another one. Stop words decide, which works from a handful of words on; where they do
// not, trigrams do, provided that there is enough text.
func Detect(text string) string {
	text = head(text, detectBytes)
	if language := byStopWords(text); language != "" {
		return language
	}
	if utf8.RuneCountInString(text) < minTrigramRunes || !mostlyLatin(text) {
		return ""
	}
	info := whatlanggo.DetectWithOptions(text, whatlangOptions)
	if info.Confidence < whatlanggo.ReliableConfidenceThreshold {
		return ""
	}
	return whatlangCodes[info.Lang]
}

// byStopWords returns the language with clearly the most stop words in text, "" when none stands out.
func byStopWords(text string) string {
	var votes [8]int
	count := func(w string) bool {
		for _, i := range stopWordLanguages[w] {
			votes[i]++
		}
		return false
	}
	eachWord(text, count, func(w word) { count(w.lower) })
	best, second := 0, 0
	winner := ""
	for i, l := range languages {
		switch {
		case votes[i] > best:
			best, second, winner = votes[i], best, l.code
		case votes[i] > second:
			second = votes[i]
		}
	}
	if best-second < minVotes {
		return ""
	}
	return winner
}

// head returns at most n bytes of text, cut at the start of a rune.
func head(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

func mostlyLatin(text string) bool {
	latin, letters := 0, 0
	strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			letters++
			if unicode.Is(unicode.Latin, r) {
				latin++
			}
		}
		return -1
	}, text)
	return latin*2 > letters
}
