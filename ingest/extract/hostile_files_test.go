package extract

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"lindero/fault"
)

func hostileFiles() []hostileFile {
	text := func(mediaType, data string) func(testing.TB) Input {
		return func(testing.TB) Input { return Input{Data: []byte(data), ContentType: mediaType} }
	}
	repeat := func(mediaType, head, piece string, bytes int, tail string) func(testing.TB) Input {
		return func(testing.TB) Input {
			return Input{Data: []byte(head + strings.Repeat(piece, bytes/len(piece)) + tail), ContentType: mediaType}
		}
	}
	word := func(body func() string) func(t testing.TB) Input {
		return func(t testing.TB) Input { return Input{Data: docxOf(t, body())} }
	}
	files := []hostileFile{
		{"DOCX: zip bomb, 1000 to 1", word(func() string { return strings.Repeat("<w:p/>", 60<<20/6) }), codes(fault.TooLarge)},
		{"DOCX: 40 MB of elements of random names", word(func() string { return randomElements(40 << 20) }), codes(fault.TooLarge)},
		{"DOCX: elements nested 300,000 deep", word(func() string { return nested("<w:sdt>", "</w:sdt>", 300_000) }), codes(fault.Damaged, fault.TooLarge)},
		{"DOCX: nested in formatting that is skipped", word(func() string {
			return "<w:rPr>" + nested(fmt.Sprintf("<w:a%d>", 7), "</w:a7>", 5000) + "</w:rPr>"
		}), codes(fault.Damaged, fault.TooLarge)},
		{"DOCX: a million cells over 100 columns", word(func() string {
			return "<w:tbl><w:tr>" + manyCells(100_000) + "</w:tr></w:tbl>"
		}), codes(fault.TooLarge, read)},
		{"DOCX: billion laughs", func(t testing.TB) Input {
			return Input{Data: zipOf(t, "[Content_Types].xml", contentTypes, "word/document.xml", laughs("w:document"))}
		}, codes(fault.Damaged)},
		{"DOCX: a part that declares less than it has", lyingArchive, codes(fault.Damaged, fault.TooLarge)},
		{"DOCX: names that climb out of the archive", func(t testing.TB) Input {
			return Input{Data: zipOf(t, "[Content_Types].xml", contentTypes, "../../etc/passwd", "x", "/word/document.xml", "<a/>", "word/x.xml", "<a/>"), ContentType: docxType}
		}, codes(fault.Damaged)},
		{"DOCM: macros", func(t testing.TB) Input {
			return Input{Data: zipOf(t, "[Content_Types].xml", contentTypes, "word/vbaProject.bin", "Sub AutoOpen()", "word/document.xml",
				`<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>hello</w:t></w:r></w:p></w:body></w:document>`), Filename: "a.docm"}
		}, codes(read)},
		{"DOCX named .pdf and declared as text", func(t testing.TB) Input {
			return Input{Data: docxOf(t, `<w:p><w:r><w:t>hello</w:t></w:r></w:p>`), Filename: "a.pdf", ContentType: "text/plain"}
		}, codes(read)},
		{"program named .docx", text(docxType, "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"), codes(fault.UnsupportedMediaType, fault.Damaged)},
		{"ODT: billion laughs", func(t testing.TB) Input {
			return Input{Data: zipOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "META-INF/manifest.xml", "<m/>", "content.xml", laughs("d"))}
		}, codes(fault.Damaged)},
		{"ODT: cells repeated", func(t testing.TB) Input {
			return Input{Data: zipOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "META-INF/manifest.xml", "<m/>", "meta.xml", "<m/>", "content.xml",
				"<d><body><text><table>"+repeatNumbered(`<table-row><table-cell number-columns-repeated="%d"><p>c</p></table-cell></table-row>`, 100_000)+"</table></text></body></d>")}
		}, codes(fault.TooLarge, read)},
		{"EPUB: a chapter of 60 MB", func(t testing.TB) Input { return Input{Data: bookOf(t, randomElements(50<<20))} }, codes(fault.TooLarge, read)},
		{"XLSX: cells at the edges of the sheet", func(t testing.TB) Input {
			return Input{Data: workbookOf(t, `<dimension ref="A1:XFD1048576"/>`, `<row r="1"><c r="XFD1"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>2</v></c></row>`)}
		}, codes(fault.TooLarge, fault.Damaged)},
		{"XLSX: a row beyond the sheet", func(t testing.TB) Input {
			return Input{Data: workbookOf(t, "", `<row r="2147483647"><c r="A2147483647"><v>2</v></c></row>`)}
		}, codes(fault.TooLarge, fault.Damaged, read, fault.NoText)},
		{"XLSX: a sheet of 60 MB", func(t testing.TB) Input {
			return Input{Data: workbookOf(t, "", repeatNumbered(`<row><c t="inlineStr"><is><t>cell %d</t></is></c></row>`, 1_000_000))}
		}, codes(fault.TooLarge, read)},
		{"PDF: a page that unpacks to 400 MB", func(testing.TB) Input { return Input{Data: pdfBomb(400 << 20)} }, codes(fault.Damaged, fault.TooLarge, fault.NoText, fault.Timeout, read)},
		{"PDF: claims two billion pages", text("application/pdf", strings.Replace(string(pdfOf("hello")), "/Count 1", "/Count 2000000000", 1)), codes(read, fault.Damaged, fault.NoText)},
		{"PDF: a tree of pages that is a circle", text("application/pdf", "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[2 0 R 2 0 R]/Count 100000>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"), codes(fault.Damaged, fault.NoText)},
		{"PDF: arrays nested a million deep", repeat("application/pdf", "%PDF-1.4\n1 0 obj\n", "[", 1<<20, "\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"), codes(fault.Damaged, fault.NoText)},
		{"text: a line of 100 MB", repeat("text/plain", "", "x", 100<<20, ""), codes(fault.TooLarge)},
		{"text: five million paragraphs", repeat("text/plain", "", "a\n\n", 15<<20, ""), codes(fault.TooLarge)},
		{"text: binary", repeat("text/plain", "\x7fELF\x02\x01\x01", "\x00\x01\x02", 1<<20, ""), codes(fault.UnsupportedMediaType)},
		{"Markdown: a line of 15 MB", repeat("text/markdown", "", "*a ", 15<<20, ""), codes(read)},
		{"Markdown: brackets in paragraphs of 15 KB", repeat("text/markdown", "", strings.Repeat("[", 15360)+"\n\n", 100<<10, ""), codes(read)},
		{"Markdown: images in paragraphs of 15 KB", repeat("text/markdown", "", strings.Repeat("![", 7680)+"\n\n", 100<<10, ""), codes(read)},
		{"Markdown: links in paragraphs of 15 KB", repeat("text/markdown", "", strings.Repeat("[a](", 3840)+"\n\n", 100<<10, ""), codes(read)},
		{"Markdown: angle brackets in paragraphs of 15 KB", repeat("text/markdown", "", strings.Repeat("<a ", 5120)+"\n\n", 100<<10, ""), codes(read)},
		{"Markdown: comments", repeat("text/markdown", "", "a "+strings.Repeat("<!--", 3800)+"\n\n", 100<<10, ""), codes(read)},
		{"Markdown: underscores in paragraphs of 15 KB", repeat("text/markdown", "", strings.Repeat("a_", 7680)+"\n\n", 100<<10, ""), codes(read)},
		{"Markdown: backticks in paragraphs of 15 KB", repeat("text/markdown", "", strings.Repeat("`` ` ", 3072)+"\n\n", 100<<10, ""), codes(read)},
		{"Markdown: link definitions", repeat("text/markdown", "", "[a]: b\n", 500<<10, ""), codes(read)},
		{"Markdown: footnotes", repeat("text/markdown", "", "[^a]: b\n", 500<<10, ""), codes(read)},
		{"Markdown: deep quotes", repeat("text/markdown", "", "> ", 1<<20, "a"), codes(read)},
		{"Markdown: a table of empty rows", repeat("text/markdown", strings.Repeat("|a", 20_000)+"|\n"+strings.Repeat("|-", 20_000)+"|\n", "|\n", 400<<10, ""), codes(read)},
		{"Markdown: aliases in front matter", text("text/markdown", "---\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n---\nfound"), codes(read)},
		{"HTML: elements nested a million deep", repeat("text/html", "", "<div>", 5<<20, "found"), codes(read)},
		{"HTML: formatting that is never closed", repeat("text/html", openFormatting(400), "<p>x", 5<<20, ""), codes(read, fault.TooLarge)},
		{"HTML: closed in the wrong order", repeat("text/html", "", "<b><i><u></b></i>", 3<<20, ""), codes(read)},
		{"HTML: tables in tables", repeat("text/html", "", "<table><tr><td>x", 3<<20, ""), codes(read)},
		{"HTML: cells over 1000 rows and columns", repeat("text/html", "<table>", `<tr><td colspan=1000 rowspan=65534>x`, 3<<20, ""), codes(read, fault.TooLarge)},
		{"HTML: a cell of 5 MB over 1000 columns", repeat("text/html", `<table><tr><td>a</td><td colspan=1000>`, "word ", 5<<20, ""), codes(read, fault.TooLarge)},
		{"HTML: a page of 100 MB", repeat("text/html", "<html><body>", "<p>text</p>\n", 100<<20, ""), codes(fault.TooLarge)},
		{"HTML: a tag of 30 MB", repeat("text/html", "<a b='", "x", 30<<20, "'>found"), codes(read)},
		{"HTML: millions of attributes", repeat("text/html", "<a ", "b ", 5<<20, ">found"), codes(read)},
		{"CSV: a line of 100 MB", repeat("text/csv", "", "a,", 100<<20, ""), codes(fault.TooLarge)},
		{"CSV: a million columns", repeat("text/csv", "", "a,", 2<<20, "\n"), codes(fault.TooLarge)},
		{"CSV: a quote that is never closed", repeat("text/csv", "a,\"", "b\n", 10<<20, ""), codes(read)},
		{"JSON: nested a million deep", repeat("application/json", "", "[", 1<<20, ""), codes(fault.Damaged)},
		{"JSON: long names, nested", func(testing.TB) Input {
			return Input{Data: []byte(strings.Repeat(`{"`+strings.Repeat("k", 60_000)+`":`, 500)), ContentType: "application/json"}
		}, codes(fault.Damaged)},
		{"JSON: a string of 60 MB", repeat("application/json", `"`, "x", 60<<20, `"`), codes(fault.TooLarge)},
		{"JSON: a value under many names", repeat("application/json", nestedNames(200), "1,", 2<<20, "1"), codes(fault.TooLarge, fault.Damaged)},
		{"EML: messages in messages, 1000 levels", func(testing.TB) Input {
			return Input{Data: []byte("From: a@x.test\r\n" + strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 1000) + "\r\nfound"), ContentType: typeEML}
		}, codes(fault.TooLarge)},
		{"EML: parts in parts, 1000 levels", deepMail, codes(fault.TooLarge)},
		{"EML: a million parts", repeat(typeEML, "From: a@x.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n", "--x\r\n\r\na\r\n", 5<<20, "--x--"), codes(fault.TooLarge)},
		{"EML: a header of 60 MB", repeat(typeEML, "From: a@x.test\r\nSubject: ", "x", 60<<20, "\r\n\r\nfound"), codes(read, fault.TooLarge)},
		{"EML: a zip bomb attached", func(t testing.TB) Input {
			bomb := base64.StdEncoding.EncodeToString(docxOf(t, strings.Repeat("<w:p/>", 30<<20/6)))
			return Input{Data: []byte("From: a@x.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nfound\r\n--x\r\nContent-Disposition: attachment; filename=a.docx\r\nContent-Transfer-Encoding: base64\r\n\r\n" + bomb + "\r\n--x--"), ContentType: typeEML}
		}, codes(read)},
	}
	return files
}
