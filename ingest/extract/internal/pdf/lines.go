package pdf

import (
	"slices"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium/responses"
)

// lines splits a page's text and finds the size of each line in the rectangles of equal font that the page
// consists of. PDFium gives the two separately and not in the same order.
func lines(text string, rects []*responses.GetPageTextStructuredRect) []Line {
	sizes := sizesOf(rects)
	var all []Line
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		line = strings.TrimRight(line, " \r")
		all = append(all, Line{Text: line, Size: sizes.of(line)})
	}
	return all
}

// fontSizes knows the text of a page in each size of font, without white space.
type fontSizes struct {
	body float64 // the size most of the page is in
	text map[float64]string
	list []float64 // descending
}

func sizesOf(rects []*responses.GetPageTextStructuredRect) fontSizes {
	f := fontSizes{text: map[float64]string{}}
	texts := map[float64]*strings.Builder{}
	for _, rect := range rects {
		if rect.FontInformation == nil {
			continue
		}
		size := rect.FontInformation.Size
		if texts[size] == nil {
			texts[size] = &strings.Builder{}
		}
		texts[size].WriteString(squeeze(rect.Text))
	}
	for size, text := range texts {
		f.text[size] = text.String()
		f.list = append(f.list, size)
	}
	slices.Sort(f.list)
	slices.Reverse(f.list)
	for _, size := range f.list {
		if len(f.text[size]) > len(f.text[f.body]) {
			f.body = size
		}
	}
	return f
}

// of is the relative size of a line that is larger than running text, and 0 for any other.
func (f fontSizes) of(line string) float64 {
	// Some producers write everything in size 1 and scale; then sizes say nothing.
	const smallest = 4
	if f.body < smallest {
		return 0
	}
	line = squeeze(line)
	for _, size := range f.list {
		if size <= f.body {
			break
		}
		if line != "" && strings.Contains(f.text[size], line) {
			return size / f.body
		}
	}
	return 0
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}
