package extract

// The bounds of how far one cell may reach; hostile files declare millions.
const (
	maxSpan = 100
	maxWide = 2000 // columns of a table with spans
	// maxSpans bounds the cells of a document that only repeat another. Without a bound a few bytes could declare
	// rows of thousands of them.
	maxSpans = 1_000_000
)

// span is how many columns or rows a cell fills that declares n, at most the number given.
func (b *builder) span(n, most int) int {
	n = min(max(n, 1), most)
	if b.spans+n-1 > maxSpans {
		return 1
	}
	b.spans += n - 1
	return n
}

// spanCell is a cell that fills a number of columns and rows.
type spanCell struct {
	text          string
	columns, rows int
}

// spanGrid lays cells out in rows of one text a column. A cell that spans several stands in each of them, so
// that a row, which is what a search finds, says all that holds for it.
type spanGrid struct {
	b       *builder
	rows    [][]string
	pending []pendingCell // by column: what reaches down into the next row
}

type pendingCell struct {
	text string
	rows int // still to fill
}

// add appends a row.
func (g *spanGrid) add(cells []spanCell) {
	var row []string
	reachDown := func() bool {
		column := len(row)
		if column >= len(g.pending) || g.pending[column].rows == 0 {
			return false
		}
		if g.pending[column].rows--; g.b.span(2, 2) == 1 {
			return false
		}
		row = append(row, g.pending[column].text)
		return true
	}
	for _, cell := range cells {
		for reachDown() {
		}
		for range g.b.span(cell.columns, maxSpan) {
			if len(row) >= maxWide {
				break
			}
			for len(g.pending) <= len(row) {
				g.pending = append(g.pending, pendingCell{})
			}
			g.pending[len(row)] = pendingCell{cell.text, min(max(cell.rows, 1), maxSpan*maxSpan) - 1}
			row = append(row, cell.text)
		}
	}
	for reachDown() {
	}
	g.rows = append(g.rows, row)
}
