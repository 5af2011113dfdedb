package extract

import (
	"context"
	"strconv"
	"strings"
)

// parseDOCX reads a Word document: headings by their style, headings and lists with their numbers, tables, text
// boxes, charts, diagrams, equations as LaTeX, and foot- and endnotes at the end. Macros, comments, deleted text,
// and the headers and footers that repeat on each page are not read.
func parseDOCX(ctx context.Context, src source, b *builder) error {
	a, err := openArchive(src)
	if err != nil {
		return err
	}
	main, err := mainPart(ctx, a, "word/document.xml")
	if err != nil {
		return err
	}
	root, err := a.required(ctx, main)
	if err != nil {
		return err
	}
	if err := coreProperties(ctx, a, b); err != nil {
		return err
	}
	relations, err := a.relations(ctx, main)
	if err != nil {
		return err
	}
	d := &docx{b: b, drawings: drawings{ctx, a, relations, b}}
	notes := []*element{}
	for _, id := range sortedKeys(relations) {
		r := relations[id]
		switch r.kind {
		case "styles", "numbering", "footnotes", "endnotes":
		default:
			continue
		}
		part, err := a.tree(ctx, r.target)
		if err != nil {
			return err
		}
		switch r.kind {
		case "styles":
			d.styles = readStyles(part)
		case "numbering":
			d.numbers = readNumbering(part)
		default:
			notes = append(notes, part)
		}
	}
	d.blocks(root.child("body"))
	for _, part := range notes {
		d.notes(part)
	}
	if d.err != nil {
		return d.err
	}
	return noText(b)
}

// docx writes the blocks of a document.
type docx struct {
	b        *builder
	styles   map[string]style
	numbers  numbering
	drawings drawings
	err      error // the first of a drawing
}

func (d *docx) notes(part *element) {
	if part == nil {
		return
	}
	for _, note := range part.kids {
		if kind := note.attr("type"); kind == "" || kind == "normal" {
			d.blocks(note)
		}
	}
}

// blocks writes the paragraphs and tables in e, looking through what merely wraps them.
func (d *docx) blocks(e *element) {
	if e == nil {
		return
	}
	for _, kid := range e.kids {
		switch kid.name {
		case "p":
			d.paragraph(kid)
		case "tbl":
			d.table(kid)
		case "AlternateContent":
			d.blocks(alternative(kid))
		case "del", "moveFrom", "sectPr", "sdtPr", "":
		default:
			d.blocks(kid)
		}
	}
}

// alternative is the first of several renderings of the same content.
func alternative(e *element) *element {
	if choice := e.child("Choice"); choice != nil {
		return choice
	}
	return e.child("Fallback")
}

func (d *docx) paragraph(p *element) {
	text, anchored := runText(p)
	properties := p.child("pPr")
	s := d.styles[properties.value("pStyle")]
	level := s.heading
	if n, err := strconv.Atoi(properties.value("outlineLvl")); err == nil && n < 9 {
		level = n + 1
	}
	list, depth := s.list, s.depth
	if num := properties.child("numPr"); num != nil {
		if id := num.value("numId"); id != "" {
			list = id
		}
		depth, _ = strconv.Atoi(num.value("ilvl"))
	}
	number := ""
	if strings.TrimSpace(text) != "" && list != "" {
		number = d.numbers.next(list, depth)
	}
	switch {
	case strings.TrimSpace(text) == "":
	case level > 0:
		d.b.heading(level, number+" "+text)
	case list != "" && list != "0":
		d.listItem(depth, number, text)
	case s.code:
		d.b.code("", text)
	case s.quote:
		d.b.quote(text)
	default:
		d.b.paragraph(text)
	}
	for _, e := range anchored {
		d.anchored(e)
	}
}

// anchored writes a text box or what another drawing shows.
func (d *docx) anchored(e *element) {
	if e.name == "txbxContent" {
		d.blocks(e)
		return
	}
	if err := d.drawings.write(e); err != nil && d.err == nil {
		d.err = err
	}
}

// listItem writes an item. A plain number is Markdown's own; any other is part of the text.
func (d *docx) listItem(depth int, number, text string) {
	if n, err := strconv.Atoi(strings.TrimSuffix(number, ".")); err == nil && n > 0 {
		d.b.listItem(depth, n, text)
		return
	}
	d.b.listItem(depth, 0, number+" "+text)
}

func (d *docx) table(tbl *element) {
	var rows [][]string
	var cells []*element
	widest := 0
	for _, tr := range unwrapped(tbl, "tr") {
		var row, above []string
		if len(rows) > 0 {
			above = rows[len(rows)-1]
		}
		for _, tc := range unwrapped(tr, "tc") {
			cells = append(cells, tc)
			text := d.cell(tc)
			properties := tc.child("tcPr")
			if merge := properties.child("vMerge"); merge != nil && merge.attr("val") != "restart" && len(row) < len(above) {
				text = above[len(row)]
			}
			span, _ := strconv.Atoi(properties.value("gridSpan"))
			for range d.b.span(span, maxSpan) {
				row = append(row, text)
			}
		}
		widest = max(widest, len(row))
		rows = append(rows, row)
	}
	if widest < 2 {
		for _, cell := range cells {
			d.blocks(cell)
		}
		return
	}
	d.b.table(rows, len(rows) > 1)
}

// cell is the text of a cell, and of the tables in it, on one line.
func (d *docx) cell(tc *element) string {
	var lines []string
	for e := range tc.descendants() {
		if e.name == "p" {
			text, _ := runText(e)
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, " ")
}

// unwrapped are the children of a name, also inside of content controls and the like.
func unwrapped(e *element, name string) []*element {
	var found []*element
	for _, kid := range e.kids {
		switch kid.name {
		case name:
			found = append(found, kid)
		case "sdt", "sdtContent", "customXml", "ins", "moveTo":
			found = append(found, unwrapped(kid, name)...)
		}
	}
	return found
}
