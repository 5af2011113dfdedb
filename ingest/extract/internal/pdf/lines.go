package pdf

import (
	"strings"
	"unicode"
	"unicode/utf16"
)

// smallest is the least size in points that text is set in. Some producers write everything in size 1 and
// scale it; then sizes say nothing.
const smallest = 4

// lines splits a page's text. fontSize tells the size of the font at an index, which counts UTF-16 units.
func lines(text string, fontSize func(index int) float64) []Line {
	var all []Line
	inSize := map[float64]int{} // characters
	index := 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		at := index
		for _, r := range line {
			index += max(utf16.RuneLen(r), 1)
		}
		content := strings.TrimSpace(line)
		if content == "" {
			all = append(all, Line{})
			continue
		}
		at += len(line) - len(strings.TrimLeftFunc(line, unicode.IsSpace)) // such space is ASCII in PDFium's text
		size := fontSize(at)
		inSize[size] += len(content)
		all = append(all, Line{Text: content, Size: size})
	}
	relate(all, body(inSize))
	return all
}

// body is the size most of a page is in, the smaller of two equally frequent ones.
func body(inSize map[float64]int) float64 {
	best, most := 0.0, 0
	for size, n := range inSize {
		if n > most || n == most && size < best {
			best, most = size, n
		}
	}
	return best
}

// relate makes the sizes of lines relative to body.
func relate(lines []Line, body float64) {
	for i := range lines {
		if body < smallest {
			lines[i].Size = 0
			continue
		}
		lines[i].Size /= body
	}
}
