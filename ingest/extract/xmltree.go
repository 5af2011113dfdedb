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

// The bounds of an XML file: a tree takes some ten times the memory of the file.
const (
	maxXMLBytes = 64 << 20
	maxXMLNodes = 3_000_000
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

// parseXML builds the tree of a file. Entities are not expanded, so one that a document type declares is an
// error, and the depth of elements is bounded: what reads the tree may recurse.
func parseXML(ctx ctxErr, data []byte, depth int) (*element, error) {
	if len(data) > maxXMLBytes {
		return nil, tooLarge("a part of the file has more than %d MiB of XML", maxXMLBytes>>20)
	}
	decoder := xml.NewDecoder(bytes.NewReader(data))
	decoder.CharsetReader = charset.NewReaderLabel
	root := &element{}
	open := []*element{root}
	for nodes := 0; ; nodes++ {
		if nodes > maxXMLNodes {
			return nil, tooLarge("a part of the file has more than %d elements", maxXMLNodes)
		}
		if nodes%4096 == 0 && ctx.Err() != nil {
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
		top := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if len(open) > depth {
				return nil, fault.New(fault.Damaged, "the file nests elements more than %d deep", depth)
			}
			child := &element{name: t.Name.Local, attrs: t.Attr}
			top.kids = append(top.kids, child)
			open = append(open, child)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.kids = append(top.kids, &element{text: string(t)})
		}
	}
	for _, kid := range root.kids {
		if kid.name != "" {
			return kid, nil
		}
	}
	return nil, errors.New("no element")
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
