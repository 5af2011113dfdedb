package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxBlank is the longest run of white space kept. Runs cost no tokens, so without a bound a chunk could
// grow without end.
const maxBlank = 100

// clean makes s valid UTF-8 (U+FFFD for what is not), its line ends \n, and removes control characters,
// byte order marks and soft hyphens. Longer runs of white space are cut.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	blank := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\r':
			if i+1 < len(s) && s[i+1] == '\n' {
				size++
			}
			r = '\n'
		case r == '\v' || r == '\f' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			r = '\n'
		case dropped(r):
			i += size
			continue
		}
		i += size
		if !unicode.IsSpace(r) {
			blank = 0
		} else if blank++; blank > maxBlank {
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// dropped reports whether r has no place in text. Private use and unassigned characters stay: fonts and new
// versions of Unicode give them meaning.
func dropped(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' || r >= 0x7f && r < 0xa0 || r == '\ufeff' || r == '\u00ad'
}

// isClean is the fast way out for what needs no change; it may miss some.
func isClean(s string) bool {
	blank, ascii := 0, true
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == ' ' || c == '\n' || c == '\t':
			if blank++; blank > maxBlank {
				return false
			}
			continue
		case c < ' ' || c == 0x7f:
			return false
		case c >= 0x80:
			ascii = false
		}
		blank = 0
	}
	return ascii || cleanUnicode(s)
}

func cleanUnicode(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r >= 0x80 && (dropped(r) || r == '\u0085' || r == '\u2028' || r == '\u2029' || unicode.IsSpace(r)) && r != '\u00a0' {
			return false
		}
	}
	// Non-breaking spaces count as white space but their runs are short; only absurd ones need cutting.
	return !strings.Contains(s, strings.Repeat("\u00a0", maxBlank))
}

// oneLine joins all fields of s with single spaces.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\n\t\u00a0") && !strings.Contains(s, "  ") {
		return strings.TrimSpace(s)
	}
	return strings.Join(strings.Fields(s), " ")
}

// tidy makes each line one with single spaces, and drops blank lines.
func tidy(s string) string {
	if !strings.Contains(s, "\n") {
		return oneLine(s)
	}
	lines := strings.Split(s, "\n")
	kept := lines[:0]
	for _, line := range lines {
		if line = oneLine(line); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
