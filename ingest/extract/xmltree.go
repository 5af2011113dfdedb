package extract

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"strings"

	"golang.org/x/net/html/charset"

	"lindero/fault"
)

// ctxErr is the part of a context that parsers need between tokens.
type ctxErr interface{ Err() error }

// element is an XML element or, when name is empty, character data.
type element struct {
	name  string // without namespace prefix
	attrs []xml.Attr
	text  string
	kids  []*element
}

// The memory of a tree, about: an element with its place among its siblings, and an attribute.
const (
	elementBytes   = 104
	attributeBytes = 48
)

// unread are the elements of OOXML that say how text looks or where it stands. They are most of such a file.
var unread = map[string]bool{
	"rPr": true, "rPrChange": true, "pPrChange": true, "tblPr": true, "trPr": true, "sectPr": true, "tblBorders": true, "tcBorders": true,
	"spPr": true, "bodyPr": true, "lstStyle": true, "txPr": true, "defRPr": true, "endParaRPr": true, "ctrlPr": true,
	"bookmarkStart": true, "bookmarkEnd": true, "proofErr": true, "lastRenderedPageBreak": true, "blipFill": true, "pic": true,
}

// treeBuilder puts tokens together to a tree of bounded size.
type treeBuilder struct {
	open   []*element // from the root to the innermost
	names  map[string]string
	bytes  int64
	limits Limits
}

// parseXML builds the tree of a file. Entities are not expanded, so one that a document type declares is an error;
// nothing it refers to is read. The depth of elements is bounded, since what reads the tree may recurse, and so is
// the tree's memory. Elements that no format reads are left out.
func parseXML(ctx ctxErr, data []byte, limits Limits) (*element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(data))
	decoder.CharsetReader = charset.NewReaderLabel
	root := &element{}
	b := treeBuilder{open: []*element{root}, names: map[string]string{}, limits: limits}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		// RawToken would leave the matching of tags to us; Token checks it.
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if start, ok := token.(xml.StartElement); ok && unread[start.Name.Local] {
			if err := skipElement(ctx, decoder, limits.Depth); err != nil {
				return nil, err
			}
			continue
		}
		if err := b.add(token); err != nil {
			return nil, err
		}
	}
	for _, kid := range root.kids {
		if kid.name != "" {
			return kid, nil
		}
	}
	return nil, errors.New("no element")
}

// skipElement reads past the end of an element whose start has been read. The decoder's own Skip can neither be
// interrupted nor bounded, and the decoder keeps a record of each open element.
func skipElement(ctx ctxErr, decoder *xml.Decoder, most int) error {
	for n, depth := 1, 1; depth > 0; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		switch token.(type) {
		case xml.StartElement:
			if depth++; depth > most {
				return nestedTooDeep(most)
			}
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

func nestedTooDeep(most int) error {
	return fault.New(fault.Damaged, "the file nests elements more than %d deep", most)
}

func (b *treeBuilder) add(token xml.Token) error {
	top := b.open[len(b.open)-1]
	switch t := token.(type) {
	case xml.StartElement:
		if len(b.open) > b.limits.Depth {
			return nestedTooDeep(b.limits.Depth)
		}
		child := &element{name: b.name(t.Name.Local), attrs: b.attributes(t.Attr)}
		b.bytes += elementBytes
		top.kids = append(top.kids, child)
		b.open = append(b.open, child)
	case xml.EndElement:
		b.open = b.open[:len(b.open)-1]
	case xml.CharData:
		b.bytes += elementBytes + int64(len(t))
		top.kids = append(top.kids, &element{text: string(t)})
	}
	if b.bytes > b.limits.TreeBytes {
		return tooLarge("a part of the file has more elements than fit into memory")
	}
	return nil
}

// attributes are those that formats read; Word gives each paragraph several that only name an editing session.
func (b *treeBuilder) attributes(all []xml.Attr) []xml.Attr {
	var kept []xml.Attr
	for _, a := range all {
		if strings.HasPrefix(a.Name.Local, "rsid") || a.Name.Local == "paraId" || a.Name.Local == "textId" || a.Name.Space == "xmlns" {
			continue
		}
		a.Name.Local, a.Name.Space = b.name(a.Name.Local), b.name(a.Name.Space)
		b.bytes += attributeBytes + int64(len(a.Value))
		kept = append(kept, a)
	}
	return kept
}

// name is s in memory shared by all elements of that name. A hostile file may have a new name for each.
func (b *treeBuilder) name(s string) string {
	if known, ok := b.names[s]; ok {
		return known
	}
	b.bytes += 2*int64(len(s)) + attributeBytes
	b.names[s] = s
	return s
}

// attr is the value of an attribute by its local name, or empty. It may be asked of nil.
func (e *element) attr(name string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// child is the first child element of a name, or nil. It may be asked of nil.
func (e *element) child(name string) *element {
	if e == nil {
		return nil
	}
	for _, kid := range e.kids {
		if kid.name == name {
			return kid
		}
	}
	return nil
}

// at goes down a path of child elements; nil where it ends.
func (e *element) at(path ...string) *element {
	for _, name := range path {
		e = e.child(name)
	}
	return e
}

// value is the attribute called val of the child of a name, as OOXML writes its properties.
func (e *element) value(name string) string {
	if child := e.child(name); child != nil {
		return child.attr("val")
	}
	return ""
}

// descendants goes through all elements below e in order. It may be asked of nil.
func (e *element) descendants() iter.Seq[*element] {
	return func(yield func(*element) bool) { e.visit(yield) }
}

func (e *element) visit(yield func(*element) bool) bool {
	if e == nil {
		return true
	}
	for _, kid := range e.kids {
		if kid.name != "" && (!yield(kid) || !kid.visit(yield)) {
			return false
		}
	}
	return true
}

// all are the elements of a name below e.
func (e *element) all(name string) []*element {
	var found []*element
	for d := range e.descendants() {
		if d.name == name {
			found = append(found, d)
		}
	}
	return found
}

// content is all character data below e.
func (e *element) content() string {
	if e == nil {
		return ""
	}
	var s strings.Builder
	e.write(&s)
	return s.String()
}

func (e *element) write(s *strings.Builder) {
	s.WriteString(e.text)
	for _, kid := range e.kids {
		kid.write(s)
	}
}
