package extract

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// table adds a table's rows. A table of one column or with tables inside lays out a page rather than data,
// and is read as blocks.
func (w *htmlWalk) table(n *html.Node) {
	w.flush()
	rows, header := tableRows(n, w.b)
	if isLayout(n, rows) {
		w.children(n)
		w.flush()
		return
	}
	if caption := find(n, atom.Caption); caption != nil {
		w.paragraph(cellText(caption))
	}
	w.b.table(rows, header)
}

func isLayout(table *html.Node, rows [][]string) bool {
	widest := 0
	for _, row := range rows {
		widest = max(widest, len(row))
	}
	if widest < 2 {
		return true
	}
	for d := range table.Descendants() {
		if d.DataAtom == atom.Table && cellIsLarge(d.Parent) {
			return true
		}
	}
	return false
}

// cellIsLarge tells a table that holds the page from a small one inside a cell.
func cellIsLarge(cell *html.Node) bool { return textLength(cell) > 2000 }

// tableRows reads the cells of a table, and whether its first row names the columns.
func tableRows(table *html.Node, b *builder) (rows [][]string, header bool) {
	grid := spanGrid{b: b}
	var visit func(n *html.Node)
	visit = func(n *html.Node) {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			switch c.DataAtom {
			case atom.Thead, atom.Tbody, atom.Tfoot:
				visit(c)
			case atom.Tr:
				cells, named := rowCells(c)
				if len(cells) == 0 {
					continue
				}
				if len(grid.rows) == 0 {
					header = named || c.Parent.DataAtom == atom.Thead
				}
				grid.add(cells)
			}
		}
	}
	visit(table)
	return grid.rows, header
}

// rowCells reads one row; named is true when all of its cells are headings.
func rowCells(tr *html.Node) (cells []spanCell, named bool) {
	named = true
	for c := tr.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Td && c.DataAtom != atom.Th {
			continue
		}
		named = named && c.DataAtom == atom.Th
		cells = append(cells, spanCell{cellText(c), spanOf(c, "colspan"), spanOf(c, "rowspan")})
	}
	return cells, named && len(cells) > 0
}

func spanOf(cell *html.Node, key string) int {
	span, err := strconv.Atoi(attribute(cell, key))
	if err != nil {
		return 1
	}
	return span
}

// cellText is the text of a cell on one line, whatever blocks it has.
func cellText(cell *html.Node) string {
	var s strings.Builder
	var visit func(n *html.Node)
	visit = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			s.WriteString(n.Data)
			return
		case n.Type != html.ElementNode || skipped[n.DataAtom] || hidden(n):
			return
		}
		apart := blockElements[n.DataAtom] || n.DataAtom == atom.Br
		if n.DataAtom == atom.Img {
			s.WriteString(" " + attribute(n, "alt") + " ")
		}
		if apart {
			s.WriteByte(' ')
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c)
		}
		if apart {
			s.WriteByte(' ')
		}
	}
	visit(cell)
	return s.String()
}
