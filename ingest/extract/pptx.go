package extract

import (
	"context"
	"path"
	"strconv"
	"strings"
)

// parsePPTX reads the slides of a presentation in order, with their tables, charts and diagrams, each with its
// speaker's notes. A slide is a page and its title a heading.
func parsePPTX(ctx context.Context, src source, b *builder) error {
	a, err := openArchive(src)
	if err != nil {
		return err
	}
	main, err := mainPart(ctx, a, "ppt/presentation.xml")
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
	for i, slide := range root.child("sldIdLst").all("sldId") {
		b.page = i + 1
		if err := pptxSlide(ctx, a, relations[relationID(slide)].target, b); err != nil {
			return err
		}
	}
	return noText(b)
}

// relationID is the id of the relation that an element refers to. Elements also have an id of their own in
// another namespace.
func relationID(e *element) string {
	for _, a := range e.attrs {
		if a.Name.Local == "id" && strings.HasSuffix(a.Name.Space, "relationships") {
			return a.Value
		}
	}
	return ""
}

func pptxSlide(ctx context.Context, a *archive, name string, b *builder) error {
	root, err := a.tree(ctx, name)
	if err != nil || root == nil {
		return err
	}
	relations, err := a.relations(ctx, name)
	if err != nil {
		return err
	}
	if err := pptxShapes(root.at("cSld", "spTree"), &drawings{ctx, a, relations, b}); err != nil {
		return err
	}
	for _, id := range sortedKeys(relations) {
		if r := relations[id]; r.kind == "notesSlide" && path.Ext(r.target) == ".xml" {
			notes, err := a.tree(ctx, r.target)
			if err != nil {
				return err
			}
			pptxNotes(notes.at("cSld", "spTree"), b)
		}
	}
	return nil
}

// pptxShapes writes the text of shapes in the order they are stored in, which is the order of reading in
// presentations made with the usual layouts.
func pptxShapes(tree *element, d *drawings) (err error) {
	if tree == nil {
		return nil
	}
	for _, shape := range tree.kids {
		switch shape.name {
		case "sp":
			kind := placeholder(shape)
			pptxText(shape.child("txBody"), kind == "title" || kind == "ctrTitle", d.b)
		case "grpSp":
			err = pptxShapes(shape, d)
		case "AlternateContent":
			err = pptxShapes(alternative(shape), d)
		case "graphicFrame":
			err = pptxFrame(shape, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pptxFrame writes the table, chart or diagram in a frame.
func pptxFrame(frame *element, d *drawings) error {
	for e := range frame.descendants() {
		switch e.name {
		case "tbl":
			pptxTable(e, d.b)
		case "chart", "relIds":
			if err := d.write(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func placeholder(shape *element) string {
	ph := shape.at("nvSpPr", "nvPr", "ph")
	if ph == nil {
		return ""
	}
	if kind := ph.attr("type"); kind != "" {
		return kind
	}
	return "body"
}

func pptxText(body *element, title bool, b *builder) {
	if body == nil {
		return
	}
	for _, p := range body.kids {
		if p.name != "p" {
			continue
		}
		text, _ := runText(p)
		properties := p.child("pPr")
		switch {
		case title:
			b.heading(2, text)
		case properties != nil && (properties.attr("lvl") != "" || properties.child("buChar") != nil || properties.child("buAutoNum") != nil):
			depth, _ := strconv.Atoi(properties.attr("lvl"))
			b.listItem(depth, 0, text)
		default:
			b.paragraph(text)
		}
	}
}

func pptxTable(table *element, b *builder) {
	var rows [][]string
	for _, tr := range table.all("tr") {
		var row []string
		for _, tc := range tr.all("tc") {
			var lines []string
			for _, p := range tc.all("p") {
				text, _ := runText(p)
				lines = append(lines, text)
			}
			row = append(row, strings.Join(lines, " "))
		}
		rows = append(rows, row)
	}
	b.table(rows, len(rows) > 1)
}

// pptxNotes writes what the speaker means to say; slide numbers and the like are other placeholders.
func pptxNotes(tree *element, b *builder) {
	if tree == nil {
		return
	}
	for _, shape := range tree.kids {
		if shape.name == "sp" && placeholder(shape) == "body" {
			pptxText(shape.child("txBody"), false, b)
		}
	}
}
