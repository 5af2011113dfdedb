package analysis

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
)

const (
	// maxTermRunes bounds a term; what is longer is cut, so that it is still found by itself.
	maxTermRunes = 64
	// maxWordBytes bounds the part of one unbroken run that is looked at.
	maxWordBytes = 1024
)

// word is one lower-cased piece of a text, with the bytes text[start:end] it came from.
type word struct {
	lower      string // NFKC, lower case, accents kept
	start, end int
	// joined: an apostrophe ties the word to a neighbour, as in "l'eau" or "it's".
	joined bool
	// spaceless: the script writes no spaces between words, so terms come from pairs of characters.
	spaceless bool
}

// eachWord calls yield for every word of text in order, by the word boundaries of Unicode annex 29.
// Pieces around apostrophes, dots and underscores are words of their own ("example.com" is found by
// "example"); a number keeps the dots and commas inside it. With whole, a word containing an apostrophe
// is offered in one piece first; when whole returns true it is consumed.
func eachWord(text string, whole func(string) bool, yield func(word)) {
	segments := words.FromString(text)
	for segments.Next() {
		segment := segments.Value()
		first, size := utf8.DecodeRuneInString(segment)
		if !wordRune(first) && size == len(segment) {
			continue // a space or a mark of punctuation
		}
		start := segments.Start()
		if len(segment) > maxWordBytes {
			segment = strings.ToValidUTF8(segment[:maxWordBytes], "")
		}
		lowered := lower(segment)
		if isPlain(lowered) {
			yield(word{lower: lowered, start: start, end: start + len(segment)})
			continue
		}
		exact := len(lowered) == len(segment)
		if strings.ContainsRune(lowered, '’') {
			lowered = strings.ReplaceAll(lowered, "’", "'")
			exact = false
		}
		if whole != nil && strings.IndexByte(lowered, '\'') > 0 && whole(lowered) {
			continue
		}
		split(lowered, func(piece string, from int, joined bool) {
			w := word{lower: piece, start: start, end: start + len(segment), joined: joined}
			if exact {
				w.start, w.end = start+from, start+from+len(piece)
			}
			if r, _ := utf8.DecodeRuneInString(piece); isSpaceless(r) {
				eachCharacter(w, exact, yield)
				return
			}
			yield(w)
		})
	}
}

// isPlain reports that s is ASCII letters and digits only.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// split cuts s into runs of letters, digits and their marks. A separator between two digits joins them.
func split(s string, yield func(piece string, from int, joined bool)) {
	from, runes := -1, 0
	before := ' ' // the rune ahead of the current piece
	var previous rune
	end := func(to int, after rune) {
		if from >= 0 {
			yield(s[from:to], from, before == '\'' || after == '\'')
		}
		from, runes = -1, 0
	}
	for i, r := range s {
		switch {
		case wordRune(r):
			if from < 0 {
				from, before = i, previous
			}
			runes++
			if runes > maxTermRunes {
				end(i, r)
				return
			}
		case from >= 0 && (r == '.' || r == ',') && unicode.IsDigit(previous) && digitAt(s, i+1):
			runes++
		default:
			end(i, r)
		}
		previous = r
	}
	end(len(s), ' ')
}

// eachCharacter yields the characters of w, each with the marks that follow it.
func eachCharacter(w word, exact bool, yield func(word)) {
	from := 0
	emit := func(to int) {
		character := word{lower: w.lower[from:to], start: w.start, end: w.end, spaceless: true}
		if exact {
			character.start, character.end = w.start+from, w.start+to
		}
		yield(character)
		from = to
	}
	for i, r := range w.lower {
		if i > 0 && !unicode.IsMark(r) {
			emit(i)
		}
	}
	emit(len(w.lower))
}

func digitAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return unicode.IsDigit(r)
}

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// isSpaceless reports scripts written without spaces, and Hangul, whose words carry their particles.
func isSpaceless(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
