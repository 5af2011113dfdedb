package pdf

import (
	"strings"
	"unicode"
	"unicode/utf16"
)

// fonts tells what characters look like; an index counts UTF-16 units of the page's text.
type fonts interface {
	height(index int) float64 // 0 where unknown
	bold(index int) bool
	samePlace(a, b int) bool // whether two characters are parts of one sign
}

// lines splits a page's text.
func lines(text string, f fonts) []Line {
	var all []Line
	inHeight, inBold := map[float64]int{}, map[bool]int{} // bytes of text
	index := 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		first := index + len(line) - len(strings.TrimLeftFunc(line, unicode.IsSpace)) // such space is ASCII here
		index += unitsOf(line)
		content := strings.TrimSpace(line)
		if content == "" {
			all = append(all, Line{})
			continue
		}
		l := Line{Text: rightToLeft(content, first, f), Size: f.height(first), Bold: f.bold(first)}
		if l.Bold {
			l.Bold = f.bold(first + unitsOf(content) - 1)
		}
		inHeight[l.Size] += len(content)
		inBold[l.Bold] += len(content)
		all = append(all, l)
	}
	relate(all, most(inHeight), inBold[true] > inBold[false])
	return all
}

// unitsOf is the length of s in UTF-16.
func unitsOf(s string) (n int) {
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// most is the height most of a page has, the smaller of two equally frequent ones.
func most(inHeight map[float64]int) float64 {
	best, bytes := 0.0, 0
	for height, n := range inHeight {
		if n > bytes || n == bytes && height < best {
			best, bytes = height, n
		}
	}
	return best
}

// relate makes the sizes of lines relative to that of running text. Where running text is bold, being bold
// says nothing.
func relate(lines []Line, running float64, bold bool) {
	for i := range lines {
		if lines[i].Bold = lines[i].Bold && !bold; running > 0 {
			lines[i].Size /= running
		}
	}
}
