package extract

import (
	"strings"
	"testing"
)

const numberingPart = `<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="0">
<w:lvl><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1"/></w:lvl>
<w:lvl><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>
<w:lvl><w:start w:val="1"/><w:numFmt w:val="lowerRoman"/><w:lvlText w:val="(%3)"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="1"><w:lvl><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="4"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num></w:numbering>`

const relationsOfAll = `<Relationships><Relationship Id="rN" Type="x/numbering" Target="numbering.xml"/>
<Relationship Id="rC" Type="x/chart" Target="charts/c.xml"/><Relationship Id="rX" Type="x/chartEx" Target="charts/x.xml"/>
<Relationship Id="rD" Type="x/diagramData" Target="diagrams/d.xml"/><Relationship Id="rF" Type="x/footnotes" Target="footnotes.xml"/></Relationships>`

const chartPart = `<c:chartSpace xmlns:c="c" xmlns:a="a"><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Rain</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea>
<c:barChart><c:ser><c:tx><c:strRef><c:f>S!$B$1</c:f><c:strCache><c:pt idx="0"><c:v>North</c:v></c:pt></c:strCache></c:strRef></c:tx>
<c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>May</c:v></c:pt><c:pt idx="1"><c:v>June</c:v></c:pt></c:strCache></c:strRef></c:cat>
<c:val><c:numRef><c:numCache><c:formatCode>General</c:formatCode><c:pt idx="0"><c:v>4.3000000000000007</c:v></c:pt><c:pt idx="2000000000"><c:v>9</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:barChart>
<c:catAx><c:title><c:tx><c:rich><a:p><a:r><a:t>Month</a:t></a:r></a:p></c:rich></c:tx></c:title></c:catAx>
<c:valAx><c:title><c:tx><c:rich><a:p><a:r><a:t>mm</a:t></a:r></a:p></c:rich></c:tx></c:title></c:valAx></c:plotArea></c:chart></c:chartSpace>`

const extendedChartPart = `<cx:chartSpace xmlns:cx="cx" xmlns:a="a"><cx:chartData><cx:data id="0"><cx:strDim><cx:lvl><cx:pt idx="0">in</cx:pt><cx:pt idx="1">out</cx:pt></cx:lvl></cx:strDim>
<cx:numDim><cx:lvl><cx:pt idx="0">5</cx:pt><cx:pt idx="1">-3</cx:pt></cx:lvl></cx:numDim></cx:data></cx:chartData>
<cx:chart><cx:title><cx:tx><cx:rich><a:p><a:r><a:t>Flow</a:t></a:r></a:p></cx:rich></cx:tx></cx:title><cx:plotArea><cx:plotAreaRegion><cx:series><cx:tx><cx:txData><cx:v>Sum</cx:v></cx:txData></cx:tx></cx:series></cx:plotAreaRegion></cx:plotArea></cx:chart></cx:chartSpace>`

const diagramPart = `<dgm:dataModel xmlns:dgm="dgm" xmlns:a="a"><dgm:ptLst><dgm:pt type="doc"/><dgm:pt><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt>
<dgm:pt type="pres"><dgm:t><a:p><a:r><a:t>shape</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt type="node"><dgm:t><a:p><a:r><a:t>Do</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>`

// wordFile is a Word document with all the parts above.
func wordFile(t testing.TB, body string) []byte {
	t.Helper()
	return zipOf(t, "[Content_Types].xml", contentTypes,
		"word/document.xml", `<w:document xmlns:w="w" xmlns:r="http://x/relationships" xmlns:m="m" xmlns:c="c" xmlns:dgm="dgm" xmlns:mc="mc"><w:body>`+body+`</w:body></w:document>`,
		"word/_rels/document.xml.rels", relationsOfAll, "word/numbering.xml", numberingPart, "word/charts/c.xml", chartPart,
		"word/charts/x.xml", extendedChartPart, "word/diagrams/d.xml", diagramPart,
		"word/footnotes.xml", `<w:footnotes xmlns:w="w"><w:footnote w:type="separator"><w:p><w:r><w:t>line</w:t></w:r></w:p></w:footnote><w:footnote><w:p><w:r><w:t>A note.</w:t></w:r></w:p></w:footnote></w:footnotes>`)
}

func run1(text string) string { return "<w:r><w:t>" + text + "</w:t></w:r>" }

func item(list, level, text string) string {
	return `<w:p><w:pPr><w:numPr><w:ilvl w:val="` + level + `"/><w:numId w:val="` + list + `"/></w:numPr></w:pPr>` + run1(text) + `</w:p>`
}

func drawn(inner string) string { return `<w:p><w:r><w:drawing>` + inner + `</w:drawing></w:r></w:p>` }

func TestWordParts(t *testing.T) {
	t.Parallel()
	heading := func(level, text string) string {
		return `<w:p><w:pPr><w:outlineLvl w:val="` + level + `"/><w:numPr><w:ilvl w:val="` + level + `"/><w:numId w:val="1"/></w:numPr></w:pPr>` + run1(text) + `</w:p>`
	}
	for name, c := range map[string]struct{ body, want string }{
		"numbered headings": {heading("0", "One") + heading("1", "Part") + heading("1", "Part") + heading("0", "Two") + heading("1", "Part"),
			"# 1 One\n\n## 1.1 Part\n\n## 1.2 Part\n\n# 2 Two\n\n## 2.1 Part"},
		"numbers of several levels": {item("1", "0", "a") + item("1", "1", "b") + item("1", "2", "c") + item("1", "2", "d") + item("1", "1", "e"),
			"1. a\n  - 1.1 b\n    - (i) c\n    - (ii) d\n  - 1.2 e"},
		"a list goes on":      {item("2", "0", "a") + item("3", "0", "b"), "1. a\n2. b"},
		"a list starts anew":  {item("2", "0", "a") + item("2", "0", "b") + item("4", "0", "c") + item("4", "0", "d"), "1. a\n2. b\n1. c\n2. d"},
		"chart":               {drawn(`<c:chart r:id="rC"/>`), "Rain (mm)\n\n| Month | North |\n| - | - |\n| May | 4.3 |\n| June |  |"},
		"extended chart":      {drawn(`<mc:AlternateContent><mc:Choice><c:chart r:id="rX"/></mc:Choice><mc:Fallback/></mc:AlternateContent>`), "Flow\n\n|  | Sum |\n| - | - |\n| in | 5 |\n| out | -3 |"},
		"diagram":             {drawn(`<dgm:relIds r:dm="rD"/>`), "- Plan\n- Do"},
		"text box, once":      {`<w:p>` + run1("Before") + `<w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p>` + run1("Box") + `</w:p></w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p>` + run1("Box") + `</w:p></w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>`, "Before\n\nBox"},
		"deleted text":        {`<w:p>` + run1("kept") + `<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>`, "kept"},
		"a missing drawing":   {`<w:p>` + run1("kept") + `</w:p>` + drawn(`<c:chart r:id="none"/>`), "kept"},
		"inline equation":     {`<w:p>` + run1("Area") + `<m:oMath><m:r><m:t>π</m:t></m:r><m:sSup><m:e><m:r><m:t>r</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></w:p>`, `Area $\pi r^{2}$`},
		"equation by itself":  {`<w:p><m:oMathPara><m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f></m:oMath></m:oMathPara></w:p>`, `$$\frac{a}{b}$$`},
		"sum":                 {`<w:p><m:oMath><m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub><m:r><m:t>i</m:t></m:r></m:sub><m:sup><m:r><m:t>n</m:t></m:r></m:sup><m:e><m:r><m:t>x</m:t></m:r></m:e></m:nary></m:oMath></w:p>`, `$\sum_{i}^{n} x$`},
		"function and styles": {`<w:p><m:oMath><m:func><m:fName><m:r><m:t>log</m:t></m:r></m:fName><m:e><m:r><m:t>𝑥𝜋</m:t></m:r></m:e></m:func></m:oMath></w:p>`, `$\log(x\pi )$`},
		"matrix in brackets":  {`<w:p><m:oMath><m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e><m:m><m:mr><m:e><m:r><m:t>1</m:t></m:r></m:e><m:e><m:r><m:t>0</m:t></m:r></m:e></m:mr></m:m></m:e></m:d></m:oMath></w:p>`, `$\left[\begin{matrix}1 & 0\end{matrix}\right]$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := mustExtract(t, Input{Data: wordFile(t, c.body)})
			if got := strings.TrimSuffix(doc.Text, "\n\nA note."); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if !strings.HasSuffix(doc.Text, "A note.") || strings.Contains(doc.Text, "line") {
				t.Errorf("footnotes: %q", doc.Text)
			}
		})
	}
}

func TestNumberFormats(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"decimal": "28", "lowerLetter": "bb", "upperLetter": "BB", "lowerRoman": "xxviii", "upperRoman": "XXVIII", "none": "", "unknown": "28"} {
		if got := formatNumber(format, 28); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
	if got := formatNumber("upperRoman", 1<<30); got != "1073741824" {
		t.Errorf("got %q", got)
	}
}
