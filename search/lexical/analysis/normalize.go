package analysis

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// lower returns s lower-cased and in Unicode form NFKC, accents kept. ASCII in lower case, which is most
// text, comes back as it is, without an allocation.
func lower(s string) string {
	ascii, upper := true, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		ascii = ascii && c < utf8.RuneSelf
		upper = upper || ('A' <= c && c <= 'Z')
	}
	if ascii {
		if !upper {
			return s
		}
		return strings.ToLower(s)
	}
	if !norm.NFKC.IsNormalString(s) {
		s = norm.NFKC.String(s)
	}
	return strings.ToLower(s)
}

// Letters that Unicode does not decompose into a base letter and a mark, but people type without it.
var undecomposed = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i", 'ħ': "h", 'ŧ': "t",
}

// latinFolds holds the folded form of the runes below its length, so that Western European text needs no
// decomposition at run time.
var latinFolds = func() (table [0x250]string) {
	for r := range table {
		table[r] = foldSlow(string(rune(r)))
	}
	return table
}()

// fold returns s, which lower has produced, without accents: "canción" and "cancion" become one term.
func fold(s string) string {
	first := 0
	for first < len(s) && s[first] < utf8.RuneSelf {
		first++
	}
	if first == len(s) {
		return s
	}
	var folded strings.Builder
	folded.Grow(len(s))
	folded.WriteString(s[:first])
	for _, r := range s[first:] {
		if int(r) >= len(latinFolds) {
			return foldSlow(s)
		}
		folded.WriteString(latinFolds[r])
	}
	return folded.String()
}

func foldSlow(s string) string {
	var folded strings.Builder
	folded.Grow(len(s))
	for _, r := range norm.NFD.String(s) {
		if isAccent(r) {
			continue
		}
		if plain, ok := undecomposed[r]; ok {
			folded.WriteString(plain)
			continue
		}
		folded.WriteRune(r)
	}
	return norm.NFC.String(folded.String())
}

// isAccent reports a mark that may go. Only these blocks: in Indic scripts and in Japanese, marks are
// vowels and voicing, without which other words would result.
func isAccent(r rune) bool {
	switch {
	case r < 0x300:
		return false
	case r <= 0x36F: // combining diacritical marks: Latin, Greek, Cyrillic
		return true
	case r >= 0x591 && r <= 0x5C7: // Hebrew points
		return unicode.Is(unicode.Mn, r)
	case r >= 0x64B && r <= 0x65F, r == 0x670: // Arabic vowel signs
		return true
	}
	return false
}
