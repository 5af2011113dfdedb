package chunk

import (
	"strings"

	"lindero/ingest/extract"
)

// headerFinder finds the headers of tables for blocks asked for in ascending order.
type headerFinder struct {
	blocks []extract.Block
	next   int
	header int
}

// of is the block of the header of the table that the row is in, or -1.
func (h *headerFinder) of(row int) int {
	for ; h.next < row; h.next++ {
		switch h.blocks[h.next].Kind {
		case extract.TableHeader:
			h.header = h.next + 1
		case extract.TableRow:
		default:
			h.header = 0
		}
	}
	return h.header - 1
}

// paths knows the headings above each block.
type paths struct {
	blocks []extract.Block
	title  string
	above  []int // for each block the heading it stands under, or -1; for a heading the one above it
}

func newPaths(doc extract.Document) paths {
	p := paths{blocks: doc.Blocks, title: doc.Title, above: make([]int, len(doc.Blocks))}
	current := -1
	for i, block := range doc.Blocks {
		if block.Kind == extract.Heading {
			for current >= 0 && doc.Blocks[current].Level >= block.Level {
				current = p.above[current]
			}
			p.above[i] = current
			current = i
			continue
		}
		p.above[i] = current
	}
	return p
}

// common is the path of the headings that stand above all blocks from first to last. A heading at the start
// counts as above what follows it.
func (p paths) common(first, last int) string {
	at := p.above[first]
	if p.blocks[first].Kind == extract.Heading {
		at = first
	}
	for i := first; i <= last && at >= 0; i++ {
		if p.blocks[i].Kind != extract.Heading || i == first {
			continue
		}
		for at >= 0 && p.blocks[at].Level >= p.blocks[i].Level {
			at = p.above[at]
		}
	}
	var names []string
	for ; at >= 0; at = p.above[at] {
		names = append(names, p.blocks[at].Heading)
	}
	if n := len(names); n > 0 && names[n-1] == p.title {
		names = names[:n-1]
	}
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	return strings.Join(names, " > ")
}
