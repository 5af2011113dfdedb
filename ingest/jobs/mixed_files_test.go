package jobs_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"lindero/store"
)

// mixedFiles makes n files of all kinds with text that differs from file to file, and a few damaged ones. The same n
// gives the same documents.
func mixedFiles(tb testing.TB, n int) []store.NewDocument {
	tb.Helper()
	kinds := []struct {
		extension, contentType string
		make                   func(testing.TB, *rand.Rand) []byte
	}{
		{"txt", "text/plain", func(_ testing.TB, r *rand.Rand) []byte { return []byte(paragraphs(r, 6)) }},
		{"md", "text/markdown", markdownFile},
		{"html", "text/html", htmlFile},
		{"csv", "text/csv", csvFile},
		{"json", "application/json", jsonFile},
		{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", docxFile},
		{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsxFile},
		{"pdf", "application/pdf", pdfFile},
	}
	docs := make([]store.NewDocument, n)
	for i := range docs {
		kind := kinds[i%len(kinds)]
		body := kind.make(tb, rand.New(rand.NewPCG(uint64(i), 7)))
		if i%97 == 93 { // a docx without its end
			body = body[:len(body)/2]
		}
		docs[i] = store.NewDocument{ID: fmt.Sprintf("file%05d.%s", i, kind.extension), Payload: store.Payload{
			ContentType: kind.contentType, Body: body, Metadata: json.RawMessage(fmt.Sprintf(`{"n":%d,"kind":%q}`, i, kind.extension)),
		}}
	}
	return docs
}

func sentence(r *rand.Rand) string { return strings.TrimSpace(text(r, 8+r.IntN(12))) + "." }

func paragraphs(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		for range 3 + r.IntN(4) {
			b.WriteString(sentence(r) + " ")
		}
		b.WriteString("\n\n")
	}
	return b.String()
}

func markdownFile(_ testing.TB, r *rand.Rand) []byte {
	var b strings.Builder
	for i := range 3 {
		fmt.Fprintf(&b, "# Part %d\n\n%s\n## Detail\n\n- %s\n- %s\n\n| a | b |\n|---|---|\n| %s | %s |\n\n",
			i, paragraphs(r, 2), sentence(r), sentence(r), sentence(r), sentence(r))
	}
	return []byte(b.String())
}

func htmlFile(_ testing.TB, r *rand.Rand) []byte {
	var b strings.Builder
	b.WriteString("<html><head><title>" + sentence(r) + "</title></head><body><article>")
	for range 5 {
		b.WriteString("<h2>" + sentence(r) + "</h2><p>" + html.EscapeString(paragraphs(r, 1)) + "</p>")
	}
	return []byte(b.String() + "</article></body></html>")
}

func csvFile(_ testing.TB, r *rand.Rand) []byte {
	var b strings.Builder
	b.WriteString("name,description,amount\n")
	for i := range 40 {
		fmt.Fprintf(&b, "row %d,%s,%d\n", i, sentence(r), r.IntN(1000))
	}
	return []byte(b.String())
}

func jsonFile(tb testing.TB, r *rand.Rand) []byte {
	body, err := json.Marshal(map[string]any{"title": sentence(r), "notes": []string{sentence(r), sentence(r)}, "body": paragraphs(r, 3)})
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

func docxFile(tb testing.TB, r *rand.Rand) []byte {
	var body strings.Builder
	for range 12 {
		body.WriteString(`<w:p><w:r><w:t>` + sentence(r) + `</w:t></w:r></w:p>`)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, part := range [][2]string{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`},
		{"word/document.xml", `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + body.String() + `</w:body></w:document>`},
	} {
		file, err := w.Create(part[0])
		if err == nil {
			_, err = file.Write([]byte(part[1]))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func xlsxFile(tb testing.TB, r *rand.Rand) []byte {
	book := excelize.NewFile()
	defer func() { _ = book.Close() }()
	for row := 1; row <= 20; row++ {
		for column, value := range []any{fmt.Sprintf("item %d", row), sentence(r), r.IntN(1000)} {
			if err := book.SetCellValue("Sheet1", fmt.Sprintf("%c%d", 'A'+column, row), value); err != nil {
				tb.Fatal(err)
			}
		}
	}
	out, err := book.WriteToBuffer()
	if err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// pdfFile has three pages of some lines. PDFium makes up for the missing table of objects.
func pdfFile(_ testing.TB, r *rand.Rand) []byte {
	const pages = 3
	var objects, kids strings.Builder
	for page := range pages {
		var content strings.Builder
		content.WriteString("BT /F1 12 Tf 72 720 Td 14 TL ")
		for range 10 {
			fmt.Fprintf(&content, "(%s) Tj T* ", sentence(r))
		}
		content.WriteString("ET")
		number := 10 + 2*page
		fmt.Fprintf(&kids, "%d 0 R ", number)
		fmt.Fprintf(&objects, "%d 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>>>>>\nendobj\n", number, number+1)
		fmt.Fprintf(&objects, "%d 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n", number+1, content.Len(), content.String())
	}
	return fmt.Appendf(nil, "%%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[%s]/Count %d>>\nendobj\n"+
		"3 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n%strailer\n<</Root 1 0 R>>\n%%%%EOF\n", kids.String(), pages, objects.String())
}
