// Package chunk splits a document's text into the passages that are embedded, indexed and cited. It is pure:
// the same document and options give the same chunks.
package chunk

import (
	"lindero/fault"
	"lindero/ingest/extract"
)

// The strategies.
const (
	Structure = "structure" // along headings, paragraphs, table rows and sentences
	Fixed     = "fixed"     // windows of MaxTokens, blind to structure
	None      = "none"      // the whole document
)

// Bounds and defaults of Options.
const (
	DefaultMaxTokens     = 256
	DefaultOverlapTokens = 32
	MinTokens            = 16
	MaxTokens            = 8192
)

// Options say how to split. The zero value means structure with DefaultMaxTokens and DefaultOverlapTokens.
type Options struct {
	Strategy string // empty: structure
	// MaxTokens is the budget of a chunk's text as Count counts it; 0 is DefaultMaxTokens. The context is not
	// part of it.
	MaxTokens int
	// OverlapTokens is how much of a chunk may be repeated at the start of the next one, in whole sentences
	// (structure) or words (fixed). When both numbers are 0 it is DefaultOverlapTokens; beside a MaxTokens,
	// 0 means no overlap.
	OverlapTokens int
}

// Chunk is one passage.
type Chunk struct {
	// Text is Prefix followed by the document's text from Start to End.
	Text string
	// Prefix is what the passage needs but does not contain: the header of the table its rows are from, with a
	// line break. Empty for most chunks.
	Prefix string
	// Context is the path of headings above the whole passage, such as "Install > Debian", without the
	// document's title. Embed and index it with the text.
	Context  string
	Start    int // byte offset into the document's text
	End      int // exclusive
	Page     int // of the first character; 0 in formats without pages
	Position int // 0, 1, 2 …
}

// Validate refuses options that Split cannot follow, with the fields body.chunking.*.
func (o Options) Validate() error {
	switch o.Strategy {
	case "", Structure, Fixed, None:
	default:
		return fault.InvalidField("body.chunking.strategy", o.Strategy, "must be structure, fixed or none")
	}
	if o.MaxTokens != 0 && (o.MaxTokens < MinTokens || o.MaxTokens > MaxTokens) {
		return fault.InvalidField("body.chunking.max_tokens", o.MaxTokens, "must be from %d to %d", MinTokens, MaxTokens)
	}
	if most := o.WithDefaults().MaxTokens / 2; o.OverlapTokens < 0 || o.OverlapTokens > most {
		return fault.InvalidField("body.chunking.overlap_tokens", o.OverlapTokens, "must be from 0 to half of max_tokens, %d", most)
	}
	return nil
}

// WithDefaults fills in what is left out.
func (o Options) WithDefaults() Options {
	if o.Strategy == "" {
		o.Strategy = Structure
	}
	if o.MaxTokens == 0 {
		o.MaxTokens = DefaultMaxTokens
		if o.OverlapTokens == 0 {
			o.OverlapTokens = DefaultOverlapTokens
		}
	}
	return o
}

// Split cuts a document into chunks in the order of its text. Together they cover all of it but white space
// and, beside a repeated table header, none exceeds the budget. Options must be valid. A document without
// text has no chunks.
func Split(doc extract.Document, options Options) []Chunk {
	options = options.WithDefaults()
	var chunks []Chunk
	switch options.Strategy {
	case None:
		chunks = splitNone(doc)
	case Fixed:
		chunks = splitFixed(doc, options)
	default:
		chunks = splitStructure(doc, options)
	}
	pages := pageFinder{blocks: doc.Blocks}
	for i := range chunks {
		chunks[i].Position = i
		chunks[i].Page = pages.at(chunks[i].Start)
		chunks[i].Text = chunks[i].Prefix + doc.Text[chunks[i].Start:chunks[i].End]
	}
	return chunks
}

// pageFinder finds the pages of offsets that are asked for in ascending order.
type pageFinder struct {
	blocks []extract.Block
	next   int
}

func (p *pageFinder) at(offset int) int {
	for p.next+1 < len(p.blocks) && p.blocks[p.next+1].Start <= offset {
		p.next++
	}
	if p.next >= len(p.blocks) {
		return 0
	}
	return p.blocks[p.next].Page
}
