package pdf

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// arabicAlefs are the letters that form one sign with a lam before them.
const arabicAlefs = "اأإآ"

// rightToLeft mends a line of Arabic or Hebrew text; start is the index of its first character.
//
// PDFium turns right-to-left text around character by character, and with it the two letters that a font draws as
// one sign, lam-alef: they stand in the same place of the page and in the wrong order. And where the writing
// direction changes, as between an Arabic and a Latin word, it sees no space when the gap is not a character.
func rightToLeft(line string, start int, f fonts) string {
	if !strings.ContainsFunc(line, isRightToLeft) {
		return line
	}
	var s strings.Builder
	index, before := start, ' '
	for at := 0; at < len(line); {
		r, size := utf8.DecodeRuneInString(line[at:])
		if isRightToLeft(before) && unicode.Is(unicode.Latin, r) || unicode.Is(unicode.Latin, before) && isRightToLeft(r) {
			s.WriteByte(' ')
		}
		next, nextSize := utf8.DecodeRuneInString(line[at+size:])
		if next == 'ل' && strings.ContainsRune(arabicAlefs, r) && f.samePlace(index, index+1) {
			s.WriteRune(next)
			s.WriteRune(r)
			at, index, before = at+size+nextSize, index+2, r
			continue
		}
		s.WriteString(line[at : at+size])
		at, index, before = at+size, index+unitsOf(line[at:at+size]), r
	}
	return s.String()
}

// isRightToLeft reports whether r is a letter of a script written from right to left.
func isRightToLeft(r rune) bool {
	return r >= 0x590 && r < 0x900 && unicode.IsLetter(r)
}
