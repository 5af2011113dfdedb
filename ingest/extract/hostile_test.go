package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lindero/fault"
)

// zipOf packs files in the order given: name, content, name, content…
func zipOf(t testing.TB, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		header := &zip.FileHeader{Name: files[i], Method: zip.Deflate}
		if files[i] == "mimetype" {
			header.Method = zip.Store // as OpenDocument and EPUB demand
		}
		f, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const contentTypes = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`

// docxOf is a Word document whose body has the XML given.
func docxOf(t testing.TB, body string) []byte {
	t.Helper()
	return zipOf(t, "[Content_Types].xml", contentTypes, "word/document.xml",
		`<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`+body+`</w:body></w:document>`)
}

const docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

func TestHostileFilesAreRefused(t *testing.T) {
	t.Parallel()
	laughs := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><w:document xmlns:w="x"><w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>`
	good := docxOf(t, `<w:p><w:r><w:t>hello</w:t></w:r></w:p>`)
	for name, c := range map[string]struct {
		in   Input
		want fault.Code
	}{
		"zip bomb":         {Input{Data: docxOf(t, strings.Repeat("<w:p/>", 30<<20/6))}, fault.TooLarge},
		"deep XML":         {Input{Data: docxOf(t, strings.Repeat("<w:sdt>", 5000)+strings.Repeat("</w:sdt>", 5000))}, fault.Damaged},
		"billion laughs":   {Input{Data: zipOf(t, "[Content_Types].xml", contentTypes, "word/document.xml", laughs)}, fault.Damaged},
		"truncated zip":    {Input{Data: good[:len(good)-30], ContentType: docxType}, fault.Damaged},
		"empty archive":    {Input{Data: zipOf(t), ContentType: docxType}, fault.Damaged},
		"only traversal":   {Input{Data: zipOf(t, "[Content_Types].xml", contentTypes, "../word/document.xml", "<a/>", "word/x.xml", "<a/>")}, fault.Damaged},
		"no text":          {Input{Data: docxOf(t, "<w:p/>")}, fault.NoText},
		"many entries":     {Input{Data: manyEntries(t, 300), Limits: Limits{Entries: 200}}, fault.TooLarge},
		"truncated PDF":    {Input{Data: []byte("%PDF-1.7\n1 0 obj\n<< /Type"), ContentType: "application/pdf"}, fault.Damaged},
		"binary as PDF":    {Input{Data: []byte("\x00\x01\x02\x03\xfe\xff\x00\x07garbage"), ContentType: "application/pdf"}, fault.Damaged},
		"binary":           {Input{Data: []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00"), ContentType: "text/plain"}, fault.UnsupportedMediaType},
		"image":            {Input{Data: []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), Filename: "a.txt"}, fault.UnsupportedMediaType},
		"deep JSON":        {Input{Data: []byte(strings.Repeat("[", 5000)), ContentType: "application/json"}, fault.Damaged},
		"broken JSON":      {Input{Data: []byte(`{"a": [1, 2`), ContentType: "application/json"}, fault.Damaged},
		"too much text":    {Input{Data: []byte(strings.Repeat("word ", 1000)), Limits: Limits{TextBytes: 1000}}, fault.TooLarge},
		"locked book":      {Input{Data: lockedBook(t)}, fault.Encrypted},
		"locked ODT":       {Input{Data: zipOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "META-INF/manifest.xml", `<m><file-entry><encryption-data/></file-entry></m>`)}, fault.Encrypted},
		"locked workbook":  {Input{Data: []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 2000) + "E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00"), Filename: "a.xlsx"}, fault.Encrypted},
		"undeclared image": {Input{Data: []byte("text"), ContentType: "image/png"}, fault.UnsupportedMediaType},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := Extract(context.Background(), c.in)
			if !fault.Is(err, c.want) {
				t.Errorf("got %v and %d bytes of text, want %s", err, len(doc.Text), c.want)
			}
		})
	}
}

func manyEntries(t testing.TB, n int) []byte {
	files := []string{"[Content_Types].xml", contentTypes, "word/document.xml", "<a/>"}
	for i := range n {
		files = append(files, fmt.Sprintf("word/%d.xml", i), "")
	}
	return zipOf(t, files...)
}

func lockedBook(t testing.TB) []byte {
	return zipOf(t, "mimetype", "application/epub+zip",
		"META-INF/container.xml", `<container><rootfiles><rootfile full-path="a.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`,
		"META-INF/encryption.xml", `<encryption><EncryptedData><CipherData><CipherReference URI="c.xhtml"/></CipherData></EncryptedData></encryption>`,
		"a.opf", `<package><metadata/><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine></package>`,
		"c.xhtml", "garbage")
}

// TestHostileTextIsRead gives absurd but legal text to the parsers that could recurse or go quadratic on it.
func TestHostileTextIsRead(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]Input{
		"long line":        {Data: bytes.Repeat([]byte("x"), 10<<20), ContentType: "text/plain"},
		"deep HTML":        {Data: []byte(strings.Repeat("<div>", 20000) + "found"), ContentType: "text/html"},
		"deep quotes":      {Data: []byte(strings.Repeat("> ", 200000) + "found"), ContentType: "text/markdown"},
		"deep lists":       {Data: []byte(strings.Repeat("- ", 200000) + "found"), ContentType: "text/markdown"},
		"nested emphasis":  {Data: []byte(strings.Repeat("*a ", 20000) + strings.Repeat("a* ", 20000)), ContentType: "text/markdown"},
		"open brackets":    {Data: []byte(strings.Repeat("[", 50000) + "found"), ContentType: "text/markdown"},
		"many backticks":   {Data: []byte(strings.Repeat("` `` ", 20000)), ContentType: "text/markdown"},
		"wrong extension":  {Data: []byte("# found"), Filename: "report.pdf"},
		"unclosed quotes":  {Data: []byte(`a,"b` + strings.Repeat("\nc,d", 1000)), ContentType: "text/csv"},
		"alias expansion":  {Data: []byte("---\na: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c]\n---\nfound"), ContentType: "text/markdown"},
		"huge table spans": {Data: []byte(`<table><tr><td colspan="2000000000">found</td><td>b</td></tr></table>`), ContentType: "text/html"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			doc, err := Extract(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			if len(doc.Blocks) == 0 {
				t.Error("no text")
			}
			t.Log(time.Since(start))
		})
	}
}

func TestAPanicIsADamagedDocument(t *testing.T) {
	t.Parallel()
	broken := func(context.Context, source, *builder) error { panic("index out of range") }
	_, err := run(context.Background(), "application/x-test", broken, source{limits: DefaultLimits})
	if !fault.Is(err, fault.Damaged) {
		t.Errorf("got %v, want damaged", err)
	}
}

func TestTheEndOfTheContextIsATimeout(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Extract(ctx, Input{Data: bytes.Repeat([]byte("a,b\n"), 1<<20), ContentType: "text/csv"})
	if !fault.Is(err, fault.Timeout) {
		t.Errorf("got %v, want timeout", err)
	}
}
