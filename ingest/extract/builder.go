package extract

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxBlocks bounds the blocks of a document: text of one character a paragraph takes a hundred times its size.
const maxBlocks = 500_000

// maxHeadingBytes is the longest heading: all chunks below it carry it in their context.
const maxHeadingBytes = 1000

// builder collects a document block by block and renders its Markdown-like text. Once the text is full it
// ignores what comes, and Extract reports the document as too large.
type builder struct {
	title    string
	language string
	metadata map[string]any
	page     int
	blocks   []Block

	text  strings.Builder
	limit int
	full  bool
	h1    string // the first heading of level 1, the title of last resort
	spans int    // cells that stand for a part of another
}

func newBuilder(limit int) *builder { return &builder{limit: limit, metadata: map[string]any{}} }

// document is what was collected.
func (b *builder) document(mediaType string) Document {
	title := b.title
	if title == "" {
		title = b.h1
	}
	return Document{
		Title:       oneLine(clean(title)),
		Language:    b.language,
		ContentType: mediaType,
		Text:        b.text.String(),
		Blocks:      b.blocks,
		Metadata:    b.metadata,
	}
}

// heading adds a heading of level 1…6.
func (b *builder) heading(level int, text string) {
	text = oneLine(clean(text))
	if text == "" {
		return
	}
	if len(text) > maxHeadingBytes {
		b.paragraph(text)
		return
	}
	level = min(max(level, 1), 6)
	if level == 1 && b.h1 == "" {
		b.h1 = text
	}
	b.add(Block{Kind: Heading, Level: level, Heading: text}, strings.Repeat("#", level)+" "+text)
}

func (b *builder) paragraph(text string) { b.add(Block{Kind: Paragraph}, tidy(clean(text))) }

// listItem adds an item at a depth from 0; number is 0 for a bullet.
func (b *builder) listItem(depth, number int, text string) {
	text = tidy(clean(text))
	if text == "" {
		return
	}
	indent := strings.Repeat("  ", min(depth, 10))
	mark := "- "
	if number > 0 {
		mark = strconv.Itoa(number) + ". "
	}
	text = strings.ReplaceAll(text, "\n", "\n"+indent+"  ")
	b.add(Block{Kind: ListItem, Level: depth}, indent+mark+text)
}

// code adds program text with its line breaks and indentation.
func (b *builder) code(language, text string) {
	text = strings.Trim(clean(text), "\n")
	if strings.TrimSpace(text) == "" {
		return
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	b.add(Block{Kind: Code}, fence+oneLine(clean(language))+"\n"+text+"\n"+fence)
}

func (b *builder) quote(text string) {
	text = tidy(clean(text))
	if text == "" {
		return
	}
	b.add(Block{Kind: Quote}, "> "+strings.ReplaceAll(text, "\n", "\n> "))
}

// table adds rows of cells. With header, the first row names the columns. Rows without text are left out.
func (b *builder) table(rows [][]string, header bool) {
	for i, row := range rows {
		if i == 0 && header {
			b.tableHeader(row)
			continue
		}
		b.tableRow(row)
	}
}

func (b *builder) tableHeader(cells []string) {
	line, ok := b.tableLine(cells)
	if !ok {
		return
	}
	b.add(Block{Kind: TableHeader}, line+"\n|"+strings.Repeat(" - |", len(cells)))
}

func (b *builder) tableRow(cells []string) {
	if line, ok := b.tableLine(cells); ok {
		b.add(Block{Kind: TableRow}, line)
	}
}

// tableLine renders cells; ok is false when all are empty. A line that is too long is cut, and the text is full.
func (b *builder) tableLine(cells []string) (line string, ok bool) {
	var s strings.Builder
	s.WriteByte('|')
	for _, cell := range cells {
		if s.Len() > b.limit { // one long cell may span many columns
			b.full = true
			break
		}
		cell = oneLine(clean(cell))
		ok = ok || cell != ""
		s.WriteByte(' ')
		s.WriteString(strings.ReplaceAll(cell, "|", `\|`))
		s.WriteString(" |")
	}
	return s.String(), ok
}

// add appends a block and its rendered text, which must be clean, unless the text is full.
func (b *builder) add(block Block, rendered string) {
	if rendered == "" || b.full {
		return
	}
	gap := b.gap(block)
	if b.text.Len()+len(gap)+len(rendered) > b.limit || len(b.blocks) == maxBlocks {
		b.full = true
		return
	}
	b.text.WriteString(gap)
	block.Start = b.text.Len()
	b.text.WriteString(rendered)
	block.End = b.text.Len()
	block.Page = b.page
	b.blocks = append(b.blocks, block)
}

// appendAll adds the blocks of another builder as they are, without their pages.
func (b *builder) appendAll(other *builder) {
	text := other.text.String()
	for _, block := range other.blocks {
		rendered := text[block.Start:block.End]
		block.Page = b.page
		b.add(block, rendered)
	}
}

// gap is what stands between the last block and next: rows and items follow each other closely.
func (b *builder) gap(next Block) string {
	if len(b.blocks) == 0 {
		return ""
	}
	last := b.blocks[len(b.blocks)-1].Kind
	if last == ListItem && next.Kind == ListItem ||
		(last == TableRow || last == TableHeader) && next.Kind == TableRow {
		return "\n"
	}
	return "\n\n"
}

// verbatim makes text, which must be clean, the whole document, with a paragraph block for each run of
// lines between blank lines.
func (b *builder) verbatim(text string) {
	if len(text) > b.limit {
		b.full = true
		return
	}
	b.text.WriteString(text)
	start, end := -1, 0
	flush := func() {
		if b.full = b.full || len(b.blocks) == maxBlocks; start >= 0 && !b.full {
			b.blocks = append(b.blocks, Block{Kind: Paragraph, Start: start, End: end, Page: b.page})
		}
		start = -1
	}
	for at := 0; at < len(text) && !b.full; {
		next := len(text)
		if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
			next = at + n + 1
		}
		line := text[at:next]
		if trimmed := strings.TrimSpace(line); trimmed == "" {
			flush()
		} else {
			first := at + strings.Index(line, trimmed)
			if start < 0 {
				start = first
			}
			end = first + len(trimmed)
		}
		at = next
	}
	flush()
}

// note keeps a fact the file states about itself, unless it is empty or longer than a fact should be.
func (b *builder) note(key, value string) {
	value = oneLine(clean(value))
	if value == "" || len(value) > maxFact {
		return
	}
	b.metadata[key] = value
}

// maxFact bounds one metadata value, in bytes; a document's metadata must stay below 40 KB in all.
const maxFact = 2000

// truncate shortens s to at most n bytes at a rune bound.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
