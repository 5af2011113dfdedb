package extract

import (
	"context"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// The tree of a page takes some twenty times the memory of the page, in bytes.
const (
	slimFrom = 1 << 20  // from here on a page is slimmed first
	maxTree  = 6 << 20  // from here on, after slimming, only its text is read
	maxPage  = 32 << 20 // from here on it is refused
)

// keptAttributes are those that reading a page looks at.
var keptAttributes = map[string]bool{
	"alt": true, "class": true, "colspan": true, "content": true, "hidden": true, "lang": true, "name": true, "rowspan": true, "start": true,
	"style": true,
}

// slim is a page without what shows no text: scripts, styles, comments and most attributes, which are the greater
// part of large pages.
func slim(ctx context.Context, page string) (string, error) {
	z := html.NewTokenizer(strings.NewReader(page))
	var s strings.Builder
	dropped := ""
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return "", ctx.Err()
		}
		kind := z.Next()
		if kind == html.ErrorToken {
			return s.String(), nil
		}
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			raw := string(z.Raw())
			token := z.Token()
			if dropped == "" && kind == html.StartTagToken && isDropped(token.DataAtom) {
				dropped = token.Data
			}
			if dropped == "" {
				writeTag(&s, token, raw)
			}
			continue
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == dropped {
				dropped = ""
				continue
			}
		case html.CommentToken:
			continue
		}
		if dropped == "" {
			s.Write(z.Raw())
		}
	}
}

// isDropped names the elements that slim drops with all in them: those that cannot contain themselves.
func isDropped(a atom.Atom) bool {
	return a == atom.Script || a == atom.Style || a == atom.Noscript || a == atom.Template || a == atom.Svg || a == atom.Iframe
}

// writeTag writes a tag with the attributes that count.
func writeTag(s *strings.Builder, token html.Token, raw string) {
	if len(token.Attr) == 0 {
		s.WriteString(raw)
		return
	}
	kept := token.Attr[:0]
	for _, a := range token.Attr {
		if a.Key == "style" && !hides(a.Val) || !keptAttributes[a.Key] {
			continue
		}
		kept = append(kept, a)
	}
	token.Attr = kept
	s.WriteString(token.String())
}
