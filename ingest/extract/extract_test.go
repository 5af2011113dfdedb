package extract

import (
	"context"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

func mustExtract(t testing.TB, in Input) Document {
	t.Helper()
	doc, err := Extract(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	spanish := "El límite entre dos propiedades: ¿qué señala el plano? La señora Núñez contestó que nada pasará jamás de un lado a otro."
	japaneseText := strings.Repeat("二つの土地の境界線は図面に描かれており、ある借主から別の借主へ何かが渡ることはありません。", 3)
	russian := strings.Repeat("Граница между двумя участками нанесена на план, и ничто не переходит к другому. ", 3)
	for name, c := range map[string]struct {
		enc      encoding.Encoding
		text     string
		declared string
	}{
		"utf-8":                {encoding.Nop, spanish, ""},
		"utf-8 with mark":      {unicode.UTF8BOM, spanish, ""},
		"utf-16le with mark":   {unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), spanish, ""},
		"utf-16be with mark":   {unicode.UTF16(unicode.BigEndian, unicode.UseBOM), spanish, ""},
		"utf-16le":             {unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), spanish, ""},
		"utf-16be":             {unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), spanish, ""},
		"utf-32le with mark":   {utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), spanish, ""},
		"utf-32be":             {utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), spanish, ""},
		"windows-1252":         {charmap.Windows1252, spanish + " 5 € – “sí”", ""},
		"latin-1":              {charmap.ISO8859_1, spanish, ""},
		"latin-9 as declared":  {charmap.ISO8859_15, spanish + " 5 €", "text/plain; charset=iso-8859-15"},
		"shift-jis":            {japanese.ShiftJIS, japaneseText, ""},
		"euc-jp":               {japanese.EUCJP, japaneseText, ""},
		"iso-2022-jp":          {japanese.ISO2022JP, japaneseText, ""},
		"gb18030":              {simplifiedchinese.GB18030, strings.Repeat("两块地产之间的界线画在平面图上，任何东西都不会转移。", 3), ""},
		"euc-kr":               {korean.EUCKR, strings.Repeat("두 토지 사이의 경계선은 도면에 그려져 있으며 아무것도 넘어가지 않습니다. ", 3), ""},
		"koi8-r":               {charmap.KOI8R, russian, ""},
		"windows-1251":         {charmap.Windows1251, russian, ""},
		"declared wrongly":     {encoding.Nop, spanish, "text/plain; charset=us-ascii"},
		"windows-1250 as said": {charmap.Windows1250, "Příliš žluťoučký kůň úpěl ďábelské ódy", "text/plain; charset=windows-1250"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := c.enc.NewEncoder().Bytes([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if doc := mustExtract(t, Input{Data: data, ContentType: c.declared}); doc.Text != c.text {
				t.Errorf("got %q", doc.Text)
			}
		})
	}
}

func TestTypeIsDecidedByContentThenDeclarationThenName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   Input
		want string
	}{
		"content over declaration": {Input{Data: docxOf(t, "<w:p><w:r><w:t>a</w:t></w:r></w:p>"), ContentType: "application/pdf"}, docxType},
		"declaration over name":    {Input{Data: []byte("a, b"), ContentType: "text/markdown", Filename: "a.csv"}, "text/markdown"},
		"name":                     {Input{Data: []byte("a, b"), Filename: "A.MD"}, "text/markdown"},
		"name over octet-stream":   {Input{Data: []byte("a, b"), ContentType: "application/octet-stream", Filename: "a.csv"}, "text/csv"},
		"look":                     {Input{Data: []byte("<!doctype html><p>a")}, "text/html"},
		"declared plain":           {Input{Data: []byte("<!doctype html><p>a"), ContentType: "text/plain; charset=utf-8"}, "text/plain"},
		"nothing to go by":         {Input{Data: []byte("just words")}, "text/plain"},
		"empty":                    {Input{}, "text/plain"},
		"text about PDF":           {Input{Data: []byte("A file begins with %PDF-1.7 and goes on."), ContentType: "text/plain"}, "text/plain"},
	} {
		if doc := mustExtract(t, c.in); doc.ContentType != c.want {
			t.Errorf("%s: got %s, want %s", name, doc.ContentType, c.want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	page := "---\ntitle: The title\ntags: [a, b]\nweight: 3\ndraft: true\ndate: 2024-05-01\nauthor:\n  name: Ana\n---\n" +
		"# First {/*first*/}\n\nSome *emphasis* and [a link](http://x.test/) &amp; `code`.\n\n1. one\n2. two\n   - deep\n\n" +
		"> said\n\n```go\nfunc f() {}\n```\n\n| a | b |\n|---|---|\n| 1 | x \\| y |\n\n<Note>\ninside\n</Note>\n"
	doc := mustExtract(t, Input{Data: []byte(page), ContentType: "text/markdown"})
	want := "# First\n\nSome emphasis and a link & code.\n\n1. one\n2. two\n  - deep\n\n> said\n\n```go\nfunc f() {}\n```\n\n" +
		"| a | b |\n| - | - |\n| 1 | x \\| y |\n\ninside"
	if doc.Text != want {
		t.Errorf("got\n%s\nwant\n%s", doc.Text, want)
	}
	facts := map[string]any{"tags": []string{"a", "b"}, "weight": 3.0, "draft": true, "date": "2024-05-01", "author.name": "Ana"}
	if doc.Title != "The title" || !reflect.DeepEqual(doc.Metadata, facts) {
		t.Errorf("title %q, metadata %v", doc.Title, doc.Metadata)
	}
}

func TestHTMLFragment(t *testing.T) {
	t.Parallel()
	page := `<h2>Head</h2><script>alert(1)</script><p>One<br>two <b>bold</b></p><ul><li>a<ol><li>b</li></ol></li></ul>
<table><tr><th>x</th><th>y</th></tr><tr><td>1</td><td>2</td></tr></table><p hidden>secret</p><pre><code class="language-go">a
  b</code></pre><img src="http://x.test/a.png" alt="A drawing">`
	doc := mustExtract(t, Input{Data: []byte(page), ContentType: "text/html"})
	want := "## Head\n\nOne\ntwo bold\n\n- a\n  1. b\n\n| x | y |\n| - | - |\n| 1 | 2 |\n\n```go\na\n  b\n```\n\nA drawing"
	if doc.Text != want {
		t.Errorf("got\n%s\nwant\n%s", doc.Text, want)
	}
}

func TestHTMLPageKeepsItsMainPart(t *testing.T) {
	t.Parallel()
	article := strings.Repeat("<p>The boundary line between two properties is drawn on a plan, and nothing ever crosses from one tenant to another, however hard they try.</p>", 20)
	page := `<!doctype html><html lang="en"><head><title>Lines</title><meta name="author" content="Ana"></head><body><nav><ul><li><a href="/">Home</a></li><li><a href="/shop">Shop</a></li></ul></nav><article><h1>Lines</h1>` +
		article + `</article><footer class="footer"><a href="/imprint">Imprint</a></footer></body></html>`
	doc := mustExtract(t, Input{Data: []byte(page)})
	if doc.Title != "Lines" || doc.Language != "en" || doc.Metadata["author"] != "Ana" {
		t.Errorf("title %q, language %q, metadata %v", doc.Title, doc.Language, doc.Metadata)
	}
	if strings.Count(doc.Text, "boundary line") != 20 || strings.Contains(doc.Text, "Shop") || strings.Contains(doc.Text, "Imprint") {
		t.Errorf("got %s", doc.Text)
	}
}

func TestPlainTextStaysAsItIs(t *testing.T) {
	t.Parallel()
	doc := mustExtract(t, Input{Data: []byte("One line of text\r\n  two\x00\x07\r\n\r\n\r\nthree and some more  "), ContentType: "text/plain"})
	if want := "One line of text\n  two\n\n\nthree and some more  "; doc.Text != want {
		t.Errorf("got %q, want %q", doc.Text, want)
	}
	want := []Block{{Kind: Paragraph, Start: 0, End: 22}, {Kind: Paragraph, Start: 25, End: 44}}
	if !reflect.DeepEqual(doc.Blocks, want) {
		t.Errorf("got %+v", doc.Blocks)
	}
}

func TestCSVAndJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[[2]string]string{
		{"text/csv", "name;price\n\"a; b\";1,5\n\nc;2\n"}:                 "| name | price |\n| - | - |\n| a; b | 1,5 |\n| c | 2 |",
		{"text/tab-separated-values", "a\tb\n1\t2\n"}:                     "| a | b |\n| - | - |\n| 1 | 2 |",
		{"application/json", `[{"a":{"b":[1,"x"]},"c":null},{"a":true}]`}: "a.b: 1\na.b: x\n\na: true",
		{"application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n"}:                "a: 1\n\na: 2",
	} {
		if doc := mustExtract(t, Input{Data: []byte(in[1]), ContentType: in[0]}); doc.Text != want {
			t.Errorf("%s: got\n%s\nwant\n%s", in[0], doc.Text, want)
		}
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	message := "From: =?utf-8?q?Ana_N=C3=BA=C3=B1ez?= <ana@x.test>\r\nTo: b@x.test\r\nSubject: Plan\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n" +
		"--A\r\nContent-Type: multipart/alternative; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nEl l=EDmite\r\n" +
		"--B\r\nContent-Type: text/html\r\n\r\n<p>twice</p>\r\n--B--\r\n--A\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\n%PDF-broken\r\n--A--\r\n"
	doc := mustExtract(t, Input{Data: []byte(message), ContentType: "message/rfc822"})
	if want := "From: Ana Núñez <ana@x.test>\nTo: b@x.test\n\nEl límite"; doc.Text != want || doc.Title != "Plan" {
		t.Errorf("title %q, text\n%s", doc.Title, doc.Text)
	}
	if !reflect.DeepEqual(doc.Metadata["attachments"], []string{"plan.pdf"}) {
		t.Errorf("metadata %v", doc.Metadata)
	}
}

func TestMailWithMailAndFilesInIt(t *testing.T) {
	t.Parallel()
	message := "From: a@x.test\r\nSubject: Outer\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n" +
		"--A\r\n\r\nSee below.\r\n" +
		"--A\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte("From: b@x.test\r\nSubject: Inner\r\n\r\nForwarded text.\r\n")) + "\r\n" +
		"--A\r\nContent-Type: text/csv; name=sums.csv\r\nContent-Disposition: attachment\r\n\r\nk,v\r\na,1\r\n" +
		"--A\r\nContent-Type: image/png; name=logo.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--A--\r\n"
	doc := mustExtract(t, Input{Data: []byte(message)})
	want := "From: a@x.test\n\nSee below.\n\n## Inner\n\nFrom: b@x.test\n\nForwarded text.\n\n## sums.csv\n\n| k | v |\n| - | - |\n| a | 1 |"
	if doc.Text != want || doc.Title != "Outer" || doc.ContentType != "message/rfc822" {
		t.Errorf("type %s, title %q, text\n%s", doc.ContentType, doc.Title, doc.Text)
	}
	if !reflect.DeepEqual(doc.Metadata["attachments"], []string{"sums.csv", "logo.png"}) {
		t.Errorf("metadata %v", doc.Metadata)
	}
	checkBlocks(t, doc)
}

// checkBlocks holds each block to the text it is a part of.
func checkBlocks(t *testing.T, doc Document) {
	t.Helper()
	at := 0
	for _, block := range doc.Blocks {
		if block.Start < at || strings.TrimSpace(doc.Text[at:block.Start]) != "" {
			t.Errorf("block %+v after %d", block, at)
		}
		at = block.End
	}
}

func TestPresentation(t *testing.T) {
	t.Parallel()
	slide := `<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree><p:sp><p:nvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>Head</a:t></a:r></a:p></p:txBody></p:sp>` +
		`<p:sp><p:txBody><a:p><a:pPr lvl="1"/><a:r><a:t>point</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>`
	notes := `<p:notes xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree><p:sp><p:nvSpPr><p:nvPr><p:ph type="sldNum"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></p:txBody></p:sp>` +
		`<p:sp><p:nvSpPr><p:nvPr><p:ph idx="1"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>say this</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:notes>`
	data := zipOf(t, "[Content_Types].xml", contentTypes,
		"ppt/presentation.xml", `<p:presentation xmlns:p="p" xmlns:r="http://x/relationships"><p:sldIdLst><p:sldId id="256" r:id="rId2"/><p:sldId id="257" r:id="rId1"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels", `<Relationships><Relationship Id="rId1" Type="x/slide" Target="slides/a.xml"/><Relationship Id="rId2" Type="x/slide" Target="/ppt/slides/b.xml"/></Relationships>`,
		"ppt/slides/a.xml", slide,
		"ppt/slides/_rels/a.xml.rels", `<Relationships><Relationship Id="rId1" Type="x/notesSlide" Target="../notesSlides/a.xml"/></Relationships>`,
		"ppt/notesSlides/a.xml", notes,
		"ppt/slides/b.xml", strings.ReplaceAll(slide, "Head", "First"))
	doc := mustExtract(t, Input{Data: data})
	if want := "## First\n\n  - point\n\n## Head\n\n  - point\n\nsay this"; doc.Text != want {
		t.Errorf("got\n%s", doc.Text)
	}
	if last := doc.Blocks[len(doc.Blocks)-1]; last.Page != 2 {
		t.Errorf("last block %+v", last)
	}
}

func TestSpannedCellsStandInEachRow(t *testing.T) {
	t.Parallel()
	page := `<table><tr><th>y</th><th>m</th><th colspan=2>v</th></tr><tr><td rowspan=2>2025</td><td>1</td><td>a</td><td>b</td></tr><tr><td>2</td><td>c</td></tr></table>`
	doc := mustExtract(t, Input{Data: []byte(page), ContentType: "text/html"})
	if want := "| y | m | v | v |\n| - | - | - | - |\n| 2025 | 1 | a | b |\n| 2025 | 2 | c |"; doc.Text != want {
		t.Errorf("got\n%s", doc.Text)
	}
}
