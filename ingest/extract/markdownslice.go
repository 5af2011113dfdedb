package extract

import (
	"iter"
	"strings"
)

// A syntax tree takes some sixty times the memory of its page, and a paragraph up to the square of its length in
// time, so long pages are parsed in slices. They are cut before headings; from sliceBytes on between any blocks; and
// from maxSlice on, or within a paragraph from maxRun on, between any lines.
const (
	headingSlice = 64 << 10
	sliceBytes   = 128 << 10
	maxSlice     = 512 << 10
	maxRun       = 16 << 10
)

// markdownSlices cuts a page. What refers from one slice to another, which is link targets and footnotes, keeps
// its text.
func markdownSlices(page string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, at := 0, 0
		var s slicer
		for line := range strings.Lines(page) {
			if at > start && s.cutBefore(line, at-start) {
				if !yield(page[start:at]) {
					return
				}
				start = at
			}
			s.pass(line)
			at += len(line)
		}
		if start < len(page) {
			yield(page[start:])
		}
	}
}

// slicer knows where in a page a line stands.
type slicer struct {
	fence string // of the listing that is open
	blank bool   // the line before was
	run   int    // bytes of the paragraph so far
}

// cutBefore reports whether a slice of size bytes ends before line.
func (s *slicer) cutBefore(line string, size int) bool {
	if s.fence != "" {
		return size >= maxSlice || len(line) > maxRun
	}
	heading := size >= headingSlice && strings.HasPrefix(line, "#")
	block := size >= sliceBytes && s.blank && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t")
	return heading || block || size >= maxSlice || s.run+len(line) > maxRun
}

func (s *slicer) pass(line string) {
	s.fence = fenceAfter(s.fence, line)
	s.blank = strings.TrimSpace(line) == ""
	switch {
	case s.blank || s.fence != "" || strings.HasPrefix(line, "|"): // each cell of a table is a paragraph by itself
		s.run = 0
	case s.run+len(line) > maxRun: // a new slice
		s.run = len(line)
	default:
		s.run += len(line)
	}
}

// tooDense finds what nobody wrote as Markdown: a line longer than a paragraph may be, and tables of thousands of
// columns, whose rows have so many cells even when they are empty.
func tooDense(slice string) bool {
	widest, lines := 0, 0
	for line := range strings.Lines(slice) {
		if len(line) > maxRun {
			return true
		}
		widest = max(widest, strings.Count(line, "|"))
		lines++
	}
	return widest*lines > maxCells
}

// maxCells bounds the cells of the tables of a slice.
const maxCells = 1_000_000

// fenceAfter is the fence of the listing that is open after a line, given the one before it.
func fenceAfter(open, line string) string {
	content := strings.TrimLeft(line, " ")
	if len(line)-len(content) > 3 {
		return open
	}
	for _, mark := range []string{"```", "~~~"} {
		if open == "" && strings.HasPrefix(content, mark) {
			return content[:len(content)-len(strings.TrimLeft(content, mark[:1]))]
		}
	}
	if open != "" && strings.HasPrefix(content, open) && strings.Trim(content, open[:1]+" \t\r\n") == "" {
		return ""
	}
	return open
}
