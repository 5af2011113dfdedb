package extract

import (
	"context"
	"strconv"
	"strings"

	"lindero/fault"
)

// parseODT reads an OpenDocument text: headings, paragraphs, lists and tables. Deleted text that a document
// remembers, comments and macros are not read.
func parseODT(ctx context.Context, src source, b *builder) error {
	a, err := openArchive(src)
	if err != nil {
		return err
	}
	manifest, err := a.tree(ctx, "META-INF/manifest.xml")
	if err != nil {
		return err
	}
	if len(manifest.all("encryption-data")) > 0 {
		return fault.New(fault.Encrypted, "the file is protected by a password")
	}
	root, err := a.required(ctx, "content.xml")
	if err != nil {
		return err
	}
	meta, err := a.tree(ctx, "meta.xml")
	if err != nil {
		return err
	}
	facts := meta.child("meta")
	b.title = facts.child("title").content()
	b.language = strings.TrimSpace(facts.child("language").content())
	b.note("author", facts.child("creator").content())
	b.note("subject", facts.child("subject").content())
	odtBlocks(root.at("body", "text"), b, -1)
	return noText(b)
}

// odtBlocks writes the blocks in e; depth is that of the lists around it, -1 outside.
func odtBlocks(e *element, b *builder, depth int) {
	if e == nil {
		return
	}
	for _, kid := range e.kids {
		switch kid.name {
		case "h":
			level, _ := strconv.Atoi(kid.attr("outline-level"))
			b.heading(level, odtText(kid))
		case "p":
			if depth >= 0 {
				b.listItem(depth, 0, odtText(kid))
			} else {
				b.paragraph(odtText(kid))
			}
			for _, box := range kid.all("text-box") {
				odtBlocks(box, b, -1)
			}
		case "list":
			odtBlocks(kid, b, depth+1)
		case "table":
			odtTable(kid, b)
		case "tracked-changes", "forms", "sequence-decls", "annotation", "":
		default:
			odtBlocks(kid, b, depth)
		}
	}
}

func odtTable(table *element, b *builder) {
	var rows [][]string
	for _, tr := range table.all("table-row") {
		var row []string
		for _, cell := range tr.kids {
			if cell.name != "table-cell" && cell.name != "covered-table-cell" {
				continue
			}
			text := odtText(cell)
			repeat, _ := strconv.Atoi(cell.attr("number-columns-repeated"))
			for range b.span(repeat, maxSpan) {
				row = append(row, text)
			}
		}
		rows = append(rows, row)
	}
	b.table(rows, len(rows) > 1)
}

// odtText is the text of a paragraph or cell.
func odtText(p *element) string {
	var s strings.Builder
	var visit func(e *element)
	visit = func(e *element) {
		for _, kid := range e.kids {
			switch kid.name {
			case "":
				// Line breaks in the file are spaces in the text.
				s.WriteString(strings.ReplaceAll(kid.text, "\n", " "))
			case "s", "tab":
				s.WriteByte(' ')
			case "line-break":
				s.WriteByte('\n')
			case "annotation", "annotation-end", "tracked-changes", "text-box":
			case "p", "h", "list-item":
				s.WriteByte(' ')
				visit(kid)
			default:
				visit(kid)
			}
		}
	}
	visit(p)
	return s.String()
}
