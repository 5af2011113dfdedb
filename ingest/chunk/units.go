package chunk

import (
	"strings"

	"github.com/clipperhouse/uax29/v2/sentences"

	"lindero/ingest/extract"
)

// span is a piece of text that reaches to the start of the next one; its tokens are those of its characters.
type span struct {
	start, end, tokens int
}

// rank says how good a place for a cut is; lower is better. 1 to 6 are headings of that level.
type rank uint8

const (
	beforeBlock    rank = 7 + iota // paragraphs, tables, code
	beforeRow                      // rows of one table, items of one list
	beforeSentence                 // within a paragraph
	beforeLine                     // a line break that ends no sentence
	afterHeading                   // would tear a heading from its text
	withinSentence                 // only where a sentence alone exceeds the budget
)

func (r rank) isHeading() bool { return r <= 6 }

// unit is what structure does not split: a sentence, a heading, a table row.
type unit struct {
	span
	rank  rank // of a cut before this unit
	block int
}

// units cuts a document into units that fit the budget and together cover its text from the first block on.
func units(doc extract.Document, budget int) []unit {
	s := unitSplitter{text: doc.Text, budget: budget, units: make([]unit, 0, len(doc.Blocks)+len(doc.Text)/128)}
	var last extract.Kind
	for i, block := range doc.Blocks {
		end := len(doc.Text)
		if i+1 < len(doc.Blocks) {
			end = doc.Blocks[i+1].Start
		}
		s.block(i, block, rankOf(block, last), end)
		last = block.Kind
	}
	return s.units
}

func rankOf(block extract.Block, last extract.Kind) rank {
	switch {
	case last == extract.Heading:
		return afterHeading
	case block.Kind == extract.Heading:
		return rank(min(max(block.Level, 1), 6))
	case block.Kind == extract.TableRow && (last == extract.TableRow || last == extract.TableHeader),
		block.Kind == extract.ListItem && last == extract.ListItem:
		return beforeRow
	default:
		return beforeBlock
	}
}

type unitSplitter struct {
	text   string
	budget int
	units  []unit
}

// block adds the units of one block; end is where the next block starts.
func (s *unitSplitter) block(i int, block extract.Block, first rank, end int) {
	at := len(s.units)
	switch block.Kind {
	case extract.Heading, extract.TableHeader, extract.TableRow:
		s.add(unit{span{block.Start, block.End, 0}, first, i})
	case extract.Code:
		s.code(i, block, first)
	default:
		s.sentences(i, block, first)
	}
	if len(s.units) > at {
		s.units[len(s.units)-1].end = end
	}
}

// code keeps a listing whole where it fits, and else cuts it between lines.
func (s *unitSplitter) code(i int, block extract.Block, first rank) {
	whole := unit{span{block.Start, block.End, 0}, first, i}
	if Count(s.text[block.Start:block.End]) <= s.budget {
		s.add(whole)
		return
	}
	at := block.Start
	for line := range strings.SplitAfterSeq(s.text[block.Start:block.End], "\n") {
		s.add(unit{span{at, at + len(line), 0}, first, i})
		at += len(line)
		first = beforeLine
	}
}

// sentences cuts a block by the rules of UAX #29. Those end a sentence at each line break; one after which
// the sentence goes on is a worse place to cut.
func (s *unitSplitter) sentences(i int, block extract.Block, first rank) {
	at := block.Start
	it := sentences.FromString(s.text[block.Start:block.End])
	for it.Next() {
		sentence := it.Value()
		s.add(unit{span{at, at + len(sentence), 0}, first, i})
		at += len(sentence)
		first = beforeSentence
		if !endsSentence(sentence) {
			first = beforeLine
		}
	}
}

func endsSentence(s string) bool {
	s = strings.TrimRight(s, " \t\n\"')]»”’」』")
	for _, end := range []string{".", "!", "?", ":", ";", "…", "。", "！", "？"} {
		if strings.HasSuffix(s, end) {
			return true
		}
	}
	return false
}

// add appends a unit, in pieces between words where it exceeds the budget. White space alone joins the unit
// before it.
func (s *unitSplitter) add(u unit) {
	u.tokens = Count(s.text[u.start:u.end])
	switch {
	case u.tokens == 0 && len(s.units) > 0:
		s.units[len(s.units)-1].end = u.end
	case u.tokens <= s.budget:
		s.units = append(s.units, u)
	default:
		for _, word := range splitWords(s.text, u.span, s.budget) {
			s.units = append(s.units, unit{word, u.rank, u.block})
			u.rank = withinSentence
		}
	}
}
