package extract

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxNodes bounds the tree of a page, in nodes of some 150 bytes.
const maxNodes = 600_000

// formatting elements are opened again in each block until they are closed, as HTML prescribes, so that a page of
// a few bytes a block can have a tree of hundreds of elements a block.
var formatting = map[atom.Atom]bool{
	atom.A: true, atom.B: true, atom.Big: true, atom.Code: true, atom.Em: true, atom.Font: true, atom.I: true, atom.Nobr: true,
	atom.S: true, atom.Small: true, atom.Strike: true, atom.Strong: true, atom.Tt: true, atom.U: true,
}

// treeFits estimates from above whether a page's tree keeps within maxNodes.
func treeFits(page string) bool {
	z := html.NewTokenizer(strings.NewReader(page))
	nodes, open := 0, 0
	unclosed := map[atom.Atom]int{}
	for nodes <= maxNodes {
		kind := z.Next()
		if kind == html.ErrorToken {
			return true
		}
		if kind == html.TextToken {
			nodes++
			continue
		}
		name, _ := z.TagName()
		tag := atom.Lookup(name)
		switch {
		case kind == html.StartTagToken && formatting[tag]:
			unclosed[tag]++
			open++
			nodes++
		case kind == html.StartTagToken:
			nodes += 1 + open
		case kind == html.EndTagToken && formatting[tag]:
			// Closing one that others were opened in closes and opens those.
			nodes += min(open, 8)
			if unclosed[tag] > 0 {
				unclosed[tag]--
				open--
			}
		default:
			nodes++
		}
	}
	return false
}
