package extract

import (
	"context"
	"strings"
	"testing"
)

// BenchmarkExtract reads a document of some ten pages in each format of our own.
func BenchmarkExtract(b *testing.B) {
	const sentence = "The boundary line between two properties is drawn on a plan, and nothing ever crosses it. "
	paragraph := strings.Repeat(sentence, 5)
	var word, page, markdown, table, records strings.Builder
	for range 60 {
		word.WriteString(`<w:p><w:pPr><w:rPr><w:sz w:val="22"/></w:rPr></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>` + paragraph + `</w:t></w:r></w:p>`)
		page.WriteString("<div class='a'><h2>Head</h2><p>" + paragraph + "<b>bold</b></p></div>\n")
		markdown.WriteString("## Head\n\n" + paragraph + "*bold*\n\n- item\n\n")
		table.WriteString("name," + sentence[:40] + ",1\n")
		records.WriteString(`{"id":1,"text":"` + paragraph + `"}` + "\n")
	}
	for name, in := range map[string]Input{
		"docx": {Data: docxOf(b, word.String())},
		"html": {Data: []byte(page.String()), ContentType: "text/html"},
		"md":   {Data: []byte(markdown.String()), ContentType: "text/markdown"},
		"csv":  {Data: []byte(table.String()), ContentType: "text/csv"},
		"json": {Data: []byte(records.String()), ContentType: "application/json"},
		"txt":  {Data: []byte(markdown.String()), ContentType: "text/plain"},
		"xlsx": {Data: workbookOf(b, "", strings.Repeat(`<row><c t="inlineStr"><is><t>`+sentence+`</t></is></c><c><v>1</v></c></row>`, 300))},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var text int
			for b.Loop() {
				doc, err := Extract(context.Background(), in)
				if err != nil {
					b.Fatal(err)
				}
				text = len(doc.Text)
			}
			b.SetBytes(int64(text))
		})
	}
}
