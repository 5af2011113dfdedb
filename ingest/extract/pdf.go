package extract

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"lindero/fault"
	"lindero/ingest/extract/internal/pdf"
)

// parsePDF reads the text of each page. A PDF knows where characters stand, not what they are: paragraphs
// are put together again from lines, and large short lines are headings. A file of scanned pages has no text.
func parsePDF(ctx context.Context, src source, b *builder) (err error) {
	// The process's first PDF would else pay for what all of them use; on a busy machine that may be all its time.
	if src.clock.still(func() { err = pdf.Start(ctx) }); err != nil {
		return err
	}
	facts := func(f pdf.Facts) {
		b.title = f.Title
		b.note("author", f.Author)
		b.note("subject", f.Subject)
		b.note("keywords", f.Keywords)
	}
	pages := 0
	err = pdf.Read(ctx, src.data, facts, func(number int, p pdf.Page) error {
		b.page = number
		pages = number
		pdfPage(p.Lines, b)
		if b.full {
			return errFull
		}
		return nil
	})
	b.metadata["pages"] = float64(pages)
	switch {
	case errors.Is(err, pdf.ErrEncrypted):
		return fault.New(fault.Encrypted, "the file is protected by a password")
	case errors.Is(err, pdf.ErrMemory):
		return tooLarge("reading the file takes more than %d MiB", pdf.MemoryBytes>>20)
	case errors.Is(err, errFull):
		return nil
	case err != nil:
		return err
	}
	return noText(b)
}

// errFull ends the reading of a document whose text exceeds its limit.
var errFull = errors.New("the text is full")

// The relative sizes of the lines that are headings of level 1, 2 and 3.
const (
	sizeH1 = 1.7
	sizeH2 = 1.35
	sizeH3 = 1.12
)

// maxHeading is the longest heading, in characters.
const maxHeading = 150

func pdfPage(lines []pdf.Line, b *builder) {
	width := usualWidth(lines)
	var paragraph, heading joinedLines
	level := 0
	flush := func() {
		if item, ok := cutBullet(paragraph.String()); ok {
			b.listItem(0, 0, item)
		} else {
			b.paragraph(paragraph.String())
		}
		b.heading(level, heading.String())
		paragraph, heading, level = joinedLines{}, joinedLines{}, 0
	}
	for i, line := range lines {
		text := strings.TrimSpace(line.Text)
		l := headingLevel(line)
		if _, bullet := cutBullet(text); bullet || text == "" || utf8.RuneCountInString(text) > maxHeading {
			l = 0
		}
		if l != level || text == "" {
			flush()
		}
		if text == "" {
			continue
		}
		if level = l; l > 0 {
			heading.add(text)
			continue
		}
		paragraph.add(text)
		if i+1 < len(lines) && endsParagraph(text, strings.TrimSpace(lines[i+1].Text), width) {
			flush()
		}
	}
	flush()
}

// headingLevel judges a line by how it looks: large, or bold without being a sentence.
func headingLevel(line pdf.Line) int {
	switch {
	case line.Size >= sizeH1:
		return 1
	case line.Size >= sizeH2:
		return 2
	case line.Size >= sizeH3:
		return 3
	case line.Bold && line.Size >= 1 && !strings.HasSuffix(line.Text, ".") && !strings.HasSuffix(line.Text, ","):
		return 3
	}
	return 0
}

// usualWidth is the length that nine lines of ten do not exceed, in characters.
func usualWidth(lines []pdf.Line) int {
	lengths := make([]int, 0, len(lines))
	for _, line := range lines {
		if n := utf8.RuneCountInString(line.Text); n > 0 {
			lengths = append(lengths, n)
		}
	}
	if len(lengths) == 0 {
		return 0
	}
	return quantile(lengths, 0.9)
}

// endsParagraph judges a line break by the line before it, which must be short, and the line after it.
func endsParagraph(line, next string, width int) bool {
	if next == "" {
		return true
	}
	first, _ := utf8.DecodeRuneInString(next)
	if _, bullet := cutBullet(next); bullet {
		return true
	}
	short := utf8.RuneCountInString(line) < width*3/4
	last, _ := utf8.DecodeLastRuneInString(line)
	ended := strings.ContainsRune(".!?:…。”\")", last)
	return short && (ended || unicode.IsUpper(first) || unicode.IsDigit(first))
}

// cutBullet takes the mark off an item of a list.
func cutBullet(line string) (item string, ok bool) {
	first, size := utf8.DecodeRuneInString(line)
	if strings.ContainsRune("•◦▪●○■–-*", first) && size < len(line) {
		if next, _ := utf8.DecodeRuneInString(line[size:]); unicode.IsSpace(next) {
			return line[size:], true
		}
	}
	return line, false
}

// joinedLines puts lines together to running text.
type joinedLines struct {
	text   strings.Builder
	hyphen bool // the last line ended within a word
}

func (j *joinedLines) String() string { return j.text.String() }

// add appends a line. A word hyphenated at the end of the one before is put together again; PDFium marks such
// hyphens, which it also finds within what it takes for one line, with U+0002 or U+FFFE.
func (j *joinedLines) add(line string) {
	if j.text.Len() > 0 && !j.hyphen {
		j.text.WriteByte(' ')
	}
	j.hyphen = strings.HasSuffix(line, "\x02") || strings.HasSuffix(line, "\ufffe")
	j.text.WriteString(hyphens.Replace(line))
}

var hyphens = strings.NewReplacer("\x02", "", "\ufffe", "")

// quantile is the value that the share q of all does not exceed; values is sorted in place and not empty.
func quantile(values []int, q float64) int {
	slices.Sort(values)
	return values[min(int(q*float64(len(values))), len(values)-1)]
}
