package extract

import (
	"context"
	"regexp"
	"strings"

	"codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxHTML is the longest page that is read, in bytes: its tree takes some ten times the memory.
const maxHTML = 32 << 20

// maxArticle is the most elements a page may have for its main part to be looked for; the search takes
// longer than in proportion to their number.
const maxArticle = 50_000

// minArticle is the shortest main part worth having, in bytes of text. On shorter pages the search for it
// tends to lose content, so they are read whole.
const minArticle = 1000

// parseHTML reads the main part of a whole page where there is a clear one, and everything of a fragment.
// Scripts, styles and what is marked as hidden do not count; nothing is fetched.
func parseHTML(ctx context.Context, src source, b *builder) error {
	if len(src.data) > maxHTML {
		return tooLarge("HTML pages may have at most %d MiB", maxHTML>>20)
	}
	page := decodeHTML(src.data, src.charset)
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		// The tree's depth is bounded at 512 elements: what is deeper loses its structure, not its text.
		appendTokens(page, b)
		return nil
	}
	readHead(doc, b)
	body := find(doc, atom.Body)
	if body == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	root := body
	if wholePage.MatchString(page[:min(len(page), 4096)]) {
		if main := article(doc); main != nil {
			root = main
		}
	}
	walkHTML(root, b)
	return nil
}

// wholePage tells a page from a fragment, in its first bytes.
var wholePage = regexp.MustCompile(`(?i)<(?:!doctype|html|head|body)[\s>]`)

// article is the main part of a page, or nil where there is no clear one. The page is not changed.
func article(doc *html.Node) *html.Node {
	p := readability.NewParser()
	p.MaxElemsToParse = maxArticle
	p.DisableJSONLD = true
	p.KeepClasses = true
	if !p.CheckDocument(doc) {
		return nil
	}
	found, err := p.ParseDocument(doc, nil)
	if err != nil || found.Node == nil || textLength(found.Node) < minArticle {
		return nil
	}
	return found.Node
}

func textLength(root *html.Node) int {
	total := 0
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			total += len(strings.TrimSpace(n.Data))
		}
	}
	return total
}

// readHead notes what a page says of itself.
func readHead(doc *html.Node, b *builder) {
	if root := find(doc, atom.Html); root != nil {
		b.language = attribute(root, "lang")
	}
	head := find(doc, atom.Head)
	if head == nil {
		return
	}
	for n := range head.Descendants() {
		switch n.DataAtom {
		case atom.Title:
			if b.title == "" && n.FirstChild != nil {
				b.title = n.FirstChild.Data
			}
		case atom.Meta:
			name := strings.ToLower(attribute(n, "name"))
			if name == "description" || name == "author" || name == "keywords" {
				b.note(name, attribute(n, "content"))
			}
		}
	}
}

func find(root *html.Node, tag atom.Atom) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.DataAtom == tag {
			return n
		}
	}
	return nil
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// appendHTML adds what a fragment shows.
func appendHTML(fragment string, b *builder) {
	context := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(fragment), context)
	if err != nil {
		appendTokens(fragment, b)
		return
	}
	for _, n := range nodes {
		context.AppendChild(n)
	}
	walkHTML(context, b)
}

// appendTokens adds the text of a page whose tree cannot be built, one paragraph for each piece.
func appendTokens(page string, b *builder) {
	z := html.NewTokenizer(strings.NewReader(page))
	hidden := ""
	for !b.full {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken:
			name, _ := z.TagName()
			if a := atom.Lookup(name); hidden == "" && skipped[a] {
				hidden = string(name)
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == hidden {
				hidden = ""
			}
		case html.TextToken:
			if hidden == "" {
				b.paragraph(string(z.Text()))
			}
		}
	}
}
