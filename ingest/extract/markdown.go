package extract

import (
	"context"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// maxContainers is the deepest nesting of quotes and lists on one line; the Markdown parser recurses there.
const maxContainers = 100

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.GFM, extension.DefinitionList, extension.Footnote),
	goldmark.WithParserOptions(parser.WithHeadingAttribute()),
).Parser()

// parseMarkdown renders a page's blocks anew: markup that only matters for looks (emphasis, link targets) is
// gone, structure stays. Front matter becomes metadata.
func parseMarkdown(ctx context.Context, src source, b *builder) error {
	decoded, err := src.text()
	if err != nil {
		return err
	}
	page := frontMatter(clean(decoded), b)
	if nestsTooDeep(page) {
		b.verbatim(page)
		return nil
	}
	for slice := range markdownSlices(page) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if tooDense(slice) {
			b.paragraph(slice)
			continue
		}
		source := []byte(slice)
		w := &markdownWalk{ctx: ctx, source: source, b: b}
		if w.children(markdown.Parse(text.NewReader(source)), 0); w.err != nil {
			return w.err
		}
	}
	return nil
}

// nestsTooDeep finds lines that open absurdly many containers at once.
func nestsTooDeep(page string) bool {
	for line := range strings.SplitSeq(page, "\n") {
		if len(line) <= maxContainers {
			continue
		}
		marks := containerMarks.FindString(line)
		if strings.Count(marks, " ")+strings.Count(marks, "\t")+strings.Count(marks, ">") > maxContainers {
			return true
		}
	}
	return false
}

var containerMarks = regexp.MustCompile(`^(?:[ \t]*(?:>|[-+*][ \t]|\d{1,9}[.)][ \t]))+`)

// markdownWalk turns the blocks of a syntax tree into the builder's.
type markdownWalk struct {
	ctx    context.Context
	source []byte
	b      *builder
	quotes int
	err    error // of HTML within the page
}

func (w *markdownWalk) children(n ast.Node, depth int) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		w.block(c, depth)
	}
}

// block adds one block; depth is that of the lists around it.
func (w *markdownWalk) block(n ast.Node, depth int) {
	switch n := n.(type) {
	case *ast.Heading:
		w.b.heading(n.Level, mdxComment.ReplaceAllString(w.inline(n), ""))
	case *ast.Paragraph, *ast.TextBlock, *extast.DefinitionTerm:
		w.paragraph(w.inline(n))
	case *ast.FencedCodeBlock:
		w.b.code(string(n.Language(w.source)), w.lines(n))
	case *ast.CodeBlock:
		w.b.code("", w.lines(n))
	case *ast.HTMLBlock:
		w.html(n)
	case *ast.List:
		w.list(n, depth)
	case *ast.Blockquote:
		w.quotes++
		w.children(n, depth)
		w.quotes--
	case *extast.Table:
		w.table(n)
	case *ast.ThematicBreak, *ast.LinkReferenceDefinition:
	default:
		w.children(n, depth)
	}
}

// mdxComment is how MDX pages write the anchors of their headings; its asterisks are
// gone by then, being emphasis.
var mdxComment = regexp.MustCompile(`\{/.*?/\}`)

func (w *markdownWalk) paragraph(text string) {
	if w.quotes > 0 {
		w.b.quote(text)
		return
	}
	w.b.paragraph(text)
}

// list adds its items: the first paragraph of an item stands at its mark, all else in it follows as blocks.
func (w *markdownWalk) list(list *ast.List, depth int) {
	number := list.Start
	for item := list.FirstChild(); item != nil; item = item.NextSibling() {
		rest := item.FirstChild()
		if rest != nil && (rest.Kind() == ast.KindTextBlock || rest.Kind() == ast.KindParagraph) {
			mark := 0
			if list.IsOrdered() {
				mark = number
			}
			w.b.listItem(depth, mark, w.inline(rest))
			rest = rest.NextSibling()
		}
		for ; rest != nil; rest = rest.NextSibling() {
			w.block(rest, depth+1)
		}
		number++
	}
}

func (w *markdownWalk) table(table *extast.Table) {
	for row := table.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, w.inline(cell))
		}
		if row.Kind() == extast.KindTableHeader {
			w.b.tableHeader(cells)
			continue
		}
		w.b.tableRow(cells)
	}
}

func (w *markdownWalk) lines(n ast.Node) string {
	var s strings.Builder
	for i := range n.Lines().Len() {
		segment := n.Lines().At(i)
		s.Write(segment.Value(w.source))
	}
	return s.String()
}

// html adds what an HTML block shows. Where it shows only one paragraph, as custom tags around text do, that
// is a paragraph of the page.
func (w *markdownWalk) html(n *ast.HTMLBlock) {
	raw := w.lines(n)
	if n.HasClosure() {
		raw += string(n.ClosureLine.Value(w.source))
	}
	if err := appendHTML(w.ctx, raw, w.b); err != nil {
		w.err = err
	}
}

// inline is the text of a block without markup. It goes through the tree without recursion, because
// hostile pages nest emphasis millions deep.
func (w *markdownWalk) inline(root ast.Node) string {
	var s strings.Builder
	for n := root.FirstChild(); n != nil; {
		descend := w.writeInline(&s, n)
		if descend && n.FirstChild() != nil {
			n = n.FirstChild()
			continue
		}
		for n != root && n.NextSibling() == nil {
			n = n.Parent()
		}
		if n == root {
			break
		}
		n = n.NextSibling()
	}
	return s.String()
}

// writeInline writes a node's own text and reports whether its children are to be written too.
func (w *markdownWalk) writeInline(s *strings.Builder, n ast.Node) (descend bool) {
	switch n := n.(type) {
	case *ast.Text:
		w.writeText(s, n)
	case *ast.String:
		s.Write(n.Value)
	case *ast.AutoLink:
		s.Write(n.Label(w.source))
	case *ast.RawHTML:
		if n.Segments.Len() > 0 {
			first := n.Segments.At(0)
			if strings.HasPrefix(strings.ToLower(string(first.Value(w.source))), "<br") {
				s.WriteByte('\n')
			}
		}
	case *extast.TaskCheckBox:
		if n.IsChecked {
			s.WriteString("[x] ")
		} else {
			s.WriteString("[ ] ")
		}
	default:
		return true
	}
	return false
}

func (w *markdownWalk) writeText(s *strings.Builder, n *ast.Text) {
	value := n.Segment.Value(w.source)
	if n.IsRaw() || n.Parent().Kind() == ast.KindCodeSpan {
		s.Write(value)
	} else {
		s.WriteString(unescape(value))
	}
	switch {
	case n.HardLineBreak():
		s.WriteByte('\n')
	case n.SoftLineBreak():
		s.WriteByte(' ')
	}
}
