package extract

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lindero/fault"
)

// style is what a paragraph style of Word means.
type style struct {
	heading     int // 1…6, or 0
	list        string
	depth       int
	code, quote bool
}

// readStyles reads paragraph styles by id, each with what it inherits.
func readStyles(part *element) map[string]style {
	styles := map[string]style{}
	if part == nil {
		return styles
	}
	parents := map[string]string{}
	for _, e := range part.kids {
		if e.name != "style" || e.attr("type") != "paragraph" {
			continue
		}
		id := e.attr("styleId")
		parents[id] = e.value("basedOn")
		styles[id] = readStyle(e)
	}
	for id, s := range styles {
		// A chain of styles may be a circle.
		for parent, hops := parents[id], 0; parent != "" && hops < 20; parent, hops = parents[parent], hops+1 {
			p := styles[parent]
			if s.heading == 0 {
				s.heading = p.heading
			}
			if s.list == "" {
				s.list, s.depth = p.list, p.depth
			}
			s.code, s.quote = s.code || p.code, s.quote || p.quote
		}
		styles[id] = s
	}
	return styles
}

func readStyle(e *element) style {
	name := strings.ToLower(e.value("name"))
	s := style{code: strings.Contains(name, "code") || strings.Contains(name, "preformatted"), quote: strings.HasSuffix(name, "quote")}
	properties := e.child("pPr")
	if n, err := strconv.Atoi(properties.value("outlineLvl")); err == nil && n < 9 {
		s.heading = n + 1
	}
	if rest, ok := strings.CutPrefix(name, "heading "); ok {
		if n, err := strconv.Atoi(rest); err == nil {
			s.heading = n
		}
	}
	if name == "title" {
		s.heading = 1
	}
	if num := properties.child("numPr"); num != nil {
		s.list = num.value("numId")
		s.depth, _ = strconv.Atoi(num.value("ilvl"))
	}
	return s
}

// runText is the text of a paragraph, with its equations, and the text boxes, charts and diagrams anchored in it.
func runText(p *element) (string, []*element) {
	var s strings.Builder
	var anchored []*element
	var visit func(e *element)
	visit = func(e *element) {
		for _, kid := range e.kids {
			switch kid.name {
			case "t":
				s.WriteString(kid.content())
			case "tab", "ptab":
				s.WriteByte(' ')
			case "br", "cr":
				s.WriteByte('\n')
			case "noBreakHyphen":
				s.WriteByte('-')
			case "txbxContent", "chart", "relIds":
				anchored = append(anchored, kid)
			case "AlternateContent":
				if chosen := alternative(kid); chosen != nil {
					visit(chosen)
				}
			case "checkBox", "checkbox":
				s.WriteString(checkMark(kid))
			case "instrText", "delText", "del", "moveFrom", "pPr", "rPr", "":
			case "oMathPara":
				s.WriteString(" $$" + strings.TrimSpace(equation(kid)) + "$$ ")
			case "oMath":
				s.WriteString(" $" + strings.TrimSpace(equation(kid)) + "$ ")
			default:
				visit(kid)
			}
		}
	}
	visit(p)
	return s.String(), anchored
}

func checkMark(box *element) string {
	if v := box.value("checked"); v == "1" || v == "true" {
		return "[x] "
	}
	return "[ ] "
}

// mainPart is the name of the part that an OOXML container starts with.
func mainPart(ctx ctxErr, a *archive, usual string) (string, error) {
	if a.has(usual) {
		return usual, nil
	}
	relations, err := a.relations(ctx, "")
	if err != nil {
		return "", err
	}
	for _, id := range sortedKeys(relations) {
		if relations[id].kind == "officeDocument" {
			return relations[id].target, nil
		}
	}
	return usual, nil
}

// coreProperties notes the title and author of an OOXML file.
func coreProperties(ctx context.Context, a *archive, b *builder) error {
	root, err := a.tree(ctx, "docProps/core.xml")
	if err != nil || root == nil {
		return err
	}
	b.title = root.child("title").content()
	b.language = strings.TrimSpace(root.child("language").content())
	b.note("author", root.child("creator").content())
	b.note("subject", root.child("subject").content())
	b.note("keywords", root.child("keywords").content())
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// noText is the error of a document that turned out to hold no text.
func noText(b *builder) error {
	if len(b.blocks) == 0 && !b.full {
		return fault.New(fault.NoText, "the file holds no text")
	}
	return nil
}
