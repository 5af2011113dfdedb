package extract

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func nested(open, end string, depth int) string {
	// Random words between, or the ratio of packed to unpacked bytes would tell.
	var s strings.Builder
	for range depth {
		fmt.Fprintf(&s, "%s%x", open, rand.Uint32())
	}
	s.WriteString(strings.Repeat(end, depth))
	return s.String()
}

func randomElements(bytes int) string {
	var s strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	for s.Len() < bytes {
		fmt.Fprintf(&s, "<a%x b%x='%x'/>", r.Uint32(), r.Uint32(), r.Uint32())
	}
	return s.String()
}

func repeatNumbered(piece string, n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, piece, i)
	}
	return s.String()
}

func manyCells(n int) string {
	return repeatNumbered(`<w:tc><w:tcPr><w:gridSpan w:val="100"/></w:tcPr><w:p><w:r><w:t>%d</w:t></w:r></w:p></w:tc>`, n)
}

func laughs(root string) string {
	var s strings.Builder
	s.WriteString(`<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a0 "lol">`)
	for i := range 20 {
		fmt.Fprintf(&s, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	return s.String() + `]><` + root + ` xmlns:w="w"><w:body><w:p><w:r><w:t>&a20;</w:t></w:r></w:p></w:body></` + root + `>`
}

func lyingArchive(t testing.TB) Input {
	var packed, out bytes.Buffer
	body := []byte(`<w:document xmlns:w="w"><w:body>` + repeatNumbered("<w:p><w:r><w:t>%d</w:t></w:r></w:p>", 100_000) + `</w:body></w:document>`)
	w := zip.NewWriter(&out)
	if _, err := packed.Write(body); err != nil {
		t.Fatal(err)
	}
	header := &zip.FileHeader{Name: "word/document.xml", Method: zip.Store, CompressedSize64: uint64(len(body)), UncompressedSize64: 100}
	f, err := w.CreateRaw(header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(packed.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return Input{Data: out.Bytes(), ContentType: docxType}
}

func bookOf(t testing.TB, chapter string) []byte {
	return zipOf(t, "mimetype", "application/epub+zip",
		"META-INF/container.xml", `<container><rootfiles><rootfile full-path="a.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`,
		"a.opf", `<package><metadata/><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine></package>`,
		"c.xhtml", "<html><body>found "+chapter+"</body></html>")
}

func workbookOf(t testing.TB, head, rows string) []byte {
	const relationships = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	return zipOf(t, "[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`,
		"_rels/.rels", relationships+`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", relationships+`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml", `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`+head+`<sheetData>`+rows+`</sheetData></worksheet>`)
}

// pdfBomb is a PDF whose page has a content stream that unpacks to size bytes of text operators.
func pdfBomb(size int) []byte {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	piece := []byte(strings.Repeat("BT /F1 12 Tf 72 700 Td (word word word) Tj ET\n", 1000))
	for n := 0; n < size; n += len(piece) {
		_, _ = w.Write(piece)
	}
	_ = w.Close()
	head := fmt.Sprintf("%%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[10 0 R]/Count 1>>\nendobj\n3 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n"+
		"10 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 11 0 R/Resources<</Font<</F1 3 0 R>>>>>>\nendobj\n11 0 obj\n<</Length %d/Filter/FlateDecode>>\nstream\n", packed.Len())
	return append(append([]byte(head), packed.Bytes()...), "\nendstream\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"...)
}

func openFormatting(n int) string {
	return repeatNumbered("<b a=%d>", n)
}

func nestedNames(depth int) string {
	var s strings.Builder
	for range depth {
		fmt.Fprintf(&s, `{"%s":`, strings.Repeat("k", 190))
	}
	return s.String() + "["
}

func deepMail(testing.TB) Input {
	var s strings.Builder
	s.WriteString("From: a@x.test\r\n")
	for i := range 1000 {
		fmt.Fprintf(&s, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return Input{Data: []byte(s.String() + "\r\nfound"), ContentType: typeEML}
}
