package extract

import (
	"strconv"
	"strings"
)

// maxLevels is how deep Word numbers its lists.
const maxLevels = 9

// listLevel is how one level of a list of Word is numbered.
type listLevel struct {
	format string // decimal, lowerRoman, bullet…
	text   string // how the number is written, such as %1.%2.
	start  int
}

// list is one use of an abstract list. All uses of one count on together, but for those that start anew.
type list struct {
	abstract string
	restarts map[int]int // start of a level where this use counts anew
}

// numbering counts the items of Word's lists. The zero value knows no list.
type numbering struct {
	levels map[string][]listLevel // by abstract list
	lists  map[string]list
	counts map[string][]int // the last number of each level, by abstract list
	used   map[string]bool  // lists that have had an item
}

// readNumbering reads a numbering part; it may be nil.
func readNumbering(part *element) numbering {
	n := numbering{levels: map[string][]listLevel{}, lists: map[string]list{}, counts: map[string][]int{}, used: map[string]bool{}}
	if part == nil {
		return n
	}
	for _, e := range part.kids {
		switch e.name {
		case "abstractNum":
			n.levels[e.attr("abstractNumId")] = readLevels(e)
		case "num":
			n.lists[e.attr("numId")] = readList(e)
		}
	}
	return n
}

func readLevels(abstract *element) []listLevel {
	var levels []listLevel
	for _, e := range abstract.kids {
		if e.name != "lvl" || len(levels) == maxLevels {
			continue
		}
		start, err := strconv.Atoi(e.value("start"))
		if err != nil {
			start = 1
		}
		levels = append(levels, listLevel{format: e.value("numFmt"), text: e.value("lvlText"), start: start})
	}
	return levels
}

func readList(num *element) list {
	l := list{abstract: num.value("abstractNumId"), restarts: map[int]int{}}
	for _, override := range num.kids {
		if override.name != "lvlOverride" {
			continue
		}
		level, err := strconv.Atoi(override.attr("ilvl"))
		start, err2 := strconv.Atoi(override.value("startOverride"))
		if err == nil && err2 == nil {
			l.restarts[level] = start
		}
	}
	return l
}

// next counts an item of a list and is its number as the document shows it, such as 2.1 or (a); empty for
// bullets and lists that do not exist.
func (n *numbering) next(id string, depth int) string {
	l := n.lists[id]
	levels := n.levels[l.abstract]
	if depth < 0 || depth >= len(levels) {
		return ""
	}
	counts := n.counts[l.abstract]
	if !n.used[id] {
		n.used[id] = true
		if start, ok := l.restarts[depth]; ok && depth < len(counts) {
			counts = append(counts[:depth:depth], start-1)
		}
	}
	for len(counts) <= depth {
		counts = append(counts, levels[len(counts)].start-1)
	}
	counts = counts[:depth+1] // a new item starts the levels below it anew
	counts[depth]++
	n.counts[l.abstract] = counts
	return label(levels, counts, depth)
}

// label writes the number of an item, with those of the levels around it where the list says so.
func label(levels []listLevel, counts []int, depth int) string {
	level := levels[depth]
	if level.format == "bullet" || level.format == "none" || level.format == "" {
		return ""
	}
	text := level.text
	for i := range depth + 1 {
		// A level around that has had no item yet shows its first number.
		text = strings.ReplaceAll(text, "%"+strconv.Itoa(i+1), formatNumber(levels[i].format, max(counts[i], levels[i].start)))
	}
	return oneLine(clean(truncate(text, 100)))
}

// formatNumber writes n in a number format of Word; those it does not know are decimal.
func formatNumber(format string, n int) string {
	switch {
	case format == "bullet" || format == "none":
		return ""
	case n < 1 || n > 3999:
	case format == "lowerLetter":
		return letters(n, 'a')
	case format == "upperLetter":
		return letters(n, 'A')
	case format == "lowerRoman":
		return strings.ToLower(roman(n))
	case format == "upperRoman":
		return roman(n)
	}
	return strconv.Itoa(n)
}

// letters counts a to z, then aa to zz, then aaa, as Word does.
func letters(n int, first byte) string {
	return strings.Repeat(string(first+byte((n-1)%26)), (n-1)/26+1)
}

var romanDigits = []struct {
	value int
	digit string
}{
	{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"},
	{50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
}

func roman(n int) string {
	var s strings.Builder
	for _, d := range romanDigits {
		for ; n >= d.value; n -= d.value {
			s.WriteString(d.digit)
		}
	}
	return s.String()
}
