package chunk

import (
	"unicode"
	"unicode/utf8"
)

// Count estimates how many tokens a model's tokenizer makes of text, from the kinds of its characters alone.
// It is many times as fast as a tokenizer and errs on the high side for prose, so a budget kept by Count is
// one kept by the model (TestCountAgainstTokenizer holds the figures). A text costs no more than its parts.
//
// A run of characters of one class costs one token for each begun 60 points of its weights below: a word of
// 1 to 6 ASCII letters costs one token, of 7 to 12 two. White space costs nothing.
func Count(text string) int {
	tokens, points := 0, 0
	last := space
	for i := 0; i < len(text); {
		class, size := space, 1
		if b := text[i]; b < utf8.RuneSelf {
			class = asciiClasses[b]
		} else {
			var r rune
			r, size = utf8.DecodeRuneInString(text[i:])
			class = classOf(r)
		}
		i += size
		if class != last {
			tokens += begun(points)
			points, last = 0, class
		}
		points += weights[class]
	}
	return tokens + begun(points)
}

// class is what kind of token a character becomes part of.
type class uint8

const (
	space  class = iota
	letter       // a to z
	accented
	digit
	mark  // punctuation and symbols
	ideal // a character that is a word or syllable by itself
	wide  // emoji and the like
)

// fullToken is what a token holds, in points. The weights say how many characters of a class fill one.
const fullToken = 60

var weights = [...]int{space: 0, letter: 9, accented: 32, digit: 24, mark: 40, ideal: 72, wide: 120}

// begun is how many tokens a run of one class takes.
func begun(points int) int { return (points + fullToken - 1) / fullToken }

var asciiClasses = func() (classes [utf8.RuneSelf]class) {
	for b := range classes {
		switch r := rune(b); {
		case r <= ' ' || r == 0x7f:
			classes[b] = space
		case unicode.IsLetter(r):
			classes[b] = letter
		case unicode.IsDigit(r):
			classes[b] = digit
		default:
			classes[b] = mark
		}
	}
	return classes
}()

func classOf(r rune) class {
	switch {
	case unicode.IsSpace(r):
		return space
	case r < 0x530: // Latin, Greek, Cyrillic
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			return accented
		}
		return mark
	case r < 0x2000:
		return ideal
	case r < 0x2e00:
		return mark
	case r < 0xfb00:
		return ideal
	default:
		return wide
	}
}
