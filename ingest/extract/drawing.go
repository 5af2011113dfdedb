package extract

import (
	"context"
	"strconv"
	"strings"
)

// The bounds of a chart; it shows far fewer.
const (
	maxSeries = 200
	maxPoints = 5000
)

// drawings reads what the drawings of one OOXML part show. Charts and diagrams are parts of their own, found by
// the relations of the part they stand in.
type drawings struct {
	ctx       context.Context
	archive   *archive
	relations map[string]relation
	b         *builder
}

// write adds a chart (chart) or a diagram (relIds); anything else shows no text.
func (d *drawings) write(e *element) error {
	id := relationID(e)
	if e.name == "relIds" {
		id = e.attr("dm")
	}
	target := d.relations[id].target
	if target == "" {
		return nil
	}
	root, err := d.archive.tree(d.ctx, target)
	if err != nil || root == nil {
		return err
	}
	switch {
	case root.name == "dataModel":
		writeDiagram(root, d.b)
	case root.child("chartData") != nil:
		writeExtendedChart(root, d.b)
	case root.name == "chartSpace":
		writeChart(root.child("chart"), d.b)
	}
	return nil
}

// writeDiagram adds the labels of a diagram as a list.
func writeDiagram(model *element, b *builder) {
	for _, point := range model.child("ptLst").all("pt") {
		switch point.attr("type") {
		case "", "node", "asst":
			b.listItem(0, 0, drawingText(point.child("t")))
		}
	}
}

// drawingText is the text of the paragraphs below e on one line.
func drawingText(e *element) string {
	var lines []string
	for _, p := range e.all("p") {
		text, _ := runText(p)
		lines = append(lines, text)
	}
	return oneLine(strings.Join(lines, " "))
}

// writeChart adds a chart's titles and, as a table, its categories and the values of each series.
func writeChart(chart *element, b *builder) {
	area := chart.child("plotArea")
	if area == nil {
		return
	}
	title, corner := drawingText(chart.child("title")), ""
	var columns []series
	for _, plot := range area.kids {
		switch {
		case strings.HasSuffix(plot.name, "Chart"):
			if title == "" {
				title = chartKind(plot.name)
			}
			for _, ser := range plot.kids {
				if ser.name == "ser" && len(columns) < maxSeries {
					columns = append(columns, readSeries(ser))
				}
			}
		case plot.name == "catAx" || plot.name == "dateAx":
			corner = drawingText(plot.child("title"))
		case plot.name == "valAx":
			if axis := drawingText(plot.child("title")); axis != "" {
				title += " (" + axis + ")"
			}
		}
	}
	b.paragraph(title)
	writeSeries(corner, columns, b)
}

// chartKind makes a caption of the name of an element, such as lineChart.
func chartKind(name string) string {
	kind := strings.TrimSuffix(strings.TrimSuffix(name, "Chart"), "3D")
	if kind == "" {
		return "Chart"
	}
	return strings.ToUpper(kind[:1]) + kind[1:] + " chart"
}

// series is one column of a chart's data.
type series struct {
	name               string
	categories, values []string
}

func readSeries(ser *element) series {
	s := series{name: oneLine(ser.child("tx").content())}
	if points := readPoints(ser.child("tx")); len(points) > 0 {
		s.name = strings.Join(points, " ")
	}
	for _, name := range []string{"cat", "xVal"} {
		if points := readPoints(ser.child(name)); len(points) > 0 {
			s.categories = points
		}
	}
	for _, name := range []string{"val", "yVal"} {
		if points := readPoints(ser.child(name)); len(points) > 0 {
			s.values = points
		}
	}
	return s
}

// readPoints are the cached values below e by their index. Of categories with several levels the first, which
// names each point, counts.
func readPoints(e *element) []string {
	if levels := e.all("lvl"); len(levels) > 0 {
		e = levels[0]
	}
	var points []string
	for _, pt := range e.all("pt") {
		i, err := strconv.Atoi(pt.attr("idx"))
		if err != nil || i < 0 || i >= maxPoints {
			continue
		}
		for len(points) <= i {
			points = append(points, "")
		}
		points[i] = shownNumber(oneLine(pt.content()))
	}
	return points
}

// shownNumber is a number to the 15 digits that spreadsheets show, as 4.4 for the 4.4000000000000004 they store.
func shownNumber(s string) string {
	value, err := strconv.ParseFloat(s, 64)
	if len(s) < 16 || err != nil {
		return s
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 15, 64), 64) // parses what was just formatted
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// writeSeries lays series out as a table, a row for each category.
func writeSeries(corner string, columns []series, b *builder) {
	header, longest := []string{corner}, 0
	var categories []string
	for _, s := range columns {
		header = append(header, s.name)
		longest = max(longest, len(s.values))
		if len(s.categories) > len(categories) {
			categories = s.categories
		}
	}
	rows := [][]string{header}
	for i := range max(longest, len(categories)) {
		row := []string{at(categories, i)}
		for _, s := range columns {
			row = append(row, at(s.values, i))
		}
		rows = append(rows, row)
	}
	b.table(rows, len(rows) > 1)
}

func at(values []string, i int) string {
	if i < len(values) {
		return values[i]
	}
	return ""
}

// writeExtendedChart adds a chart of the kinds that came with Office 2016, which keep their data apart.
func writeExtendedChart(root *element, b *builder) {
	b.paragraph(drawingText(root.at("chart", "title")))
	names := root.all("series")
	for i, data := range root.child("chartData").all("data") {
		var s series
		for _, dimension := range data.kids {
			switch dimension.name {
			case "strDim":
				s.categories = readPoints(dimension)
			case "numDim":
				s.values = readPoints(dimension)
			}
		}
		if i < len(names) {
			s.name = oneLine(names[i].at("tx", "txData", "v").content())
		}
		writeSeries("", []series{s}, b)
	}
}
