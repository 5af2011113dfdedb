package extract

import (
	"context"
	"regexp"
	"strings"

	"codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxArticle is the most elements a page may have for its main part to be looked for; the search takes
// longer than in proportion to their number.
const maxArticle = 50_000

// minArticle is the shortest main part worth having, in bytes of text. On shorter pages the search for it
// tends to lose content, so they are read whole.
const minArticle = 1000

// parseHTML reads the main part of a whole page where there is a clear one, and everything of a fragment.
// Scripts, styles and what is marked as hidden do not count; nothing is fetched.
func parseHTML(ctx context.Context, src source, b *builder) error {
	if len(src.data) > maxPage {
		return pageTooLarge()
	}
	doc, page, err := htmlTree(ctx, decodeHTML(src.data, src.charset))
	if err != nil {
		return err
	}
	if doc == nil {
		return appendTokens(ctx, page, b)
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

// htmlTree parses a page and gives the page that was parsed. The tree is nil when it would be too large or
// nest more than 512 elements: such a page loses its structure, not its text.
func htmlTree(ctx context.Context, page string) (*html.Node, string, error) {
	if len(page) > maxPage {
		return nil, "", pageTooLarge()
	}
	if len(page) > slimFrom {
		var err error
		if page, err = slim(ctx, page); err != nil {
			return nil, "", err
		}
	}
	if len(page) > maxTree || !treeFits(page) {
		return nil, page, nil
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil, page, nil
	}
	return doc, page, nil
}

func pageTooLarge() error { return tooLarge("HTML pages may have at most %d MiB", maxPage>>20) }

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

// appendHTML adds what a page or fragment within another file shows.
func appendHTML(ctx context.Context, fragment string, b *builder) error {
	doc, fragment, err := htmlTree(ctx, fragment)
	if err != nil {
		return err
	}
	if doc == nil {
		return appendTokens(ctx, fragment, b)
	}
	walkHTML(doc, b)
	return nil
}

// appendTokens adds the text of a page that has no tree, one paragraph for each run between block elements.
func appendTokens(ctx context.Context, page string, b *builder) error {
	z := html.NewTokenizer(strings.NewReader(page))
	var line strings.Builder
	dropped := ""
	flush := func() {
		b.paragraph(sourceBreaks.Replace(line.String()))
		line.Reset()
	}
	for n := 0; !b.full; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			flush()
			return nil
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			tag := atom.Lookup(name)
			switch {
			case dropped == "" && kind == html.StartTagToken && isDropped(tag):
				dropped = string(name)
			case kind == html.EndTagToken && string(name) == dropped:
				dropped = ""
			}
			if blockElements[tag] || tag == atom.Br {
				flush()
			}
		case html.TextToken:
			if dropped == "" {
				line.Write(z.Text())
			}
		}
	}
	return nil
}
