package extract

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// skipped elements show no text of the page.
var skipped = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Head: true,
	atom.Iframe: true, atom.Object: true, atom.Embed: true, atom.Svg: true, atom.Canvas: true,
	atom.Audio: true, atom.Video: true, atom.Datalist: true,
}

// blockElements end the line of text they stand in.
var blockElements = map[atom.Atom]bool{
	atom.Address: true, atom.Article: true, atom.Aside: true, atom.Blockquote: true, atom.Body: true,
	atom.Caption: true, atom.Center: true, atom.Dd: true, atom.Details: true, atom.Dialog: true, atom.Div: true,
	atom.Dl: true, atom.Dt: true, atom.Fieldset: true, atom.Figcaption: true, atom.Figure: true,
	atom.Footer: true, atom.Form: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true,
	atom.H5: true, atom.H6: true, atom.Header: true, atom.Hgroup: true, atom.Hr: true, atom.Legend: true,
	atom.Li: true, atom.Main: true, atom.Nav: true, atom.Ol: true, atom.P: true, atom.Pre: true,
	atom.Section: true, atom.Select: true, atom.Summary: true, atom.Table: true, atom.Tbody: true,
	atom.Td: true, atom.Tfoot: true, atom.Th: true, atom.Thead: true, atom.Tr: true, atom.Ul: true,
	atom.Option: true, atom.Optgroup: true, atom.Textarea: true,
}

// htmlWalk collects text until a block element ends it. The tree's depth is bounded by the HTML parser, so
// recursion is safe.
type htmlWalk struct {
	b      *builder
	line   strings.Builder
	emit   func(text string) // what becomes of the text collected
	lists  int               // open lists
	quotes int               // open quotations
}

// walkHTML adds what a tree shows.
func walkHTML(root *html.Node, b *builder) {
	w := &htmlWalk{b: b}
	w.emit = w.paragraph
	w.children(root)
	w.flush()
}

func (w *htmlWalk) paragraph(text string) {
	if w.quotes > 0 {
		w.b.quote(text)
		return
	}
	w.b.paragraph(text)
}

func (w *htmlWalk) flush() {
	text := w.line.String()
	w.line.Reset()
	if strings.TrimSpace(text) != "" {
		w.emit(text)
	}
}

func (w *htmlWalk) children(n *html.Node) {
	for c := n.FirstChild; c != nil && !w.b.full; c = c.NextSibling {
		w.node(c)
	}
}

var sourceBreaks = strings.NewReplacer("\n", " ", "\r", " ", "\t", " ")

func (w *htmlWalk) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		// Line breaks in the source are spaces on the page; those of <br> are written as \n.
		w.line.WriteString(sourceBreaks.Replace(n.Data))
	case html.ElementNode:
		if !skipped[n.DataAtom] && !hidden(n) {
			w.element(n)
		}
	}
}

// hidden reports whether the page says not to show n.
func hidden(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key == "hidden" {
			return true
		}
		if a.Key == "style" && hides(a.Val) {
			return true
		}
	}
	return false
}

// hides reports whether a style does.
func hides(style string) bool {
	return strings.Contains(strings.ReplaceAll(strings.ToLower(style), " ", ""), "display:none")
}

func (w *htmlWalk) element(n *html.Node) {
	switch n.DataAtom {
	case atom.Br:
		w.line.WriteByte('\n')
	case atom.Img:
		if alt := attribute(n, "alt"); alt != "" {
			w.line.WriteString(" " + alt + " ")
		}
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		level := int(n.Data[1] - '0')
		w.within(n, func(text string) { w.b.heading(level, text) })
	case atom.Pre:
		w.flush()
		w.b.code(codeLanguage(n), rawText(n))
	case atom.Ul, atom.Ol, atom.Menu:
		w.list(n)
	case atom.Table:
		w.table(n)
	case atom.Blockquote:
		w.flush()
		w.quotes++
		w.children(n)
		w.flush()
		w.quotes--
	default:
		w.plain(n)
	}
}

func (w *htmlWalk) plain(n *html.Node) {
	if !blockElements[n.DataAtom] {
		w.children(n)
		return
	}
	w.flush()
	w.children(n)
	w.flush()
}

// within collects the text of n for emit.
func (w *htmlWalk) within(n *html.Node, emit func(string)) {
	w.flush()
	outer := w.emit
	w.emit = emit
	w.children(n)
	w.flush()
	w.emit = outer
}

// list adds the items of a list. The first piece of text of an item stands at its mark; more of them, as in
// an item of several paragraphs, follow as paragraphs, and lists within it one level deeper.
func (w *htmlWalk) list(n *html.Node) {
	w.flush()
	depth := w.lists
	w.lists++
	number := 0
	if n.DataAtom == atom.Ol {
		number = 1
		if start, err := strconv.Atoi(attribute(n, "start")); err == nil && start > 0 {
			number = start
		}
	}
	for c := n.FirstChild; c != nil && !w.b.full; c = c.NextSibling {
		if c.Type != html.ElementNode || c.DataAtom != atom.Li {
			w.node(c)
			continue
		}
		first, mark := true, number
		w.within(c, func(text string) {
			if first {
				w.b.listItem(depth, mark, text)
				first = false
				return
			}
			w.paragraph(text)
		})
		if number > 0 {
			number++
		}
	}
	w.flush()
	w.lists--
}

// codeLanguage reads the class that highlighters put on code, such as language-go.
func codeLanguage(pre *html.Node) string {
	classes := attribute(pre, "class")
	if code := find(pre, atom.Code); code != nil {
		classes += " " + attribute(code, "class")
	}
	for class := range strings.FieldsSeq(classes) {
		for _, prefix := range []string{"language-", "lang-"} {
			if name, ok := strings.CutPrefix(class, prefix); ok {
				return name
			}
		}
	}
	return ""
}

// rawText is the text of n with its line breaks.
func rawText(n *html.Node) string {
	var s strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			s.WriteString(d.Data)
		case d.DataAtom == atom.Br:
			s.WriteByte('\n')
		}
	}
	return s.String()
}
