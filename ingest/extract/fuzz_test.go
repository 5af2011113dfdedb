package extract_test

import (
	"archive/zip"
	"bytes"
	"context"
	"testing"

	"lindero/fault"
	"lindero/ingest/extract"
)

// documentCodes are the codes that Extract may answer a file with.
var documentCodes = map[fault.Code]bool{
	fault.UnsupportedMediaType: true, fault.Encrypted: true, fault.NoText: true,
	fault.Damaged: true, fault.TooLarge: true, fault.Timeout: true,
}

func checkExtract(t *testing.T, in extract.Input) {
	t.Helper()
	in.Limits = extract.Limits{TextBytes: 1 << 20, EntryBytes: 1 << 20, ArchiveBytes: 4 << 20}
	doc, err := extract.Extract(context.Background(), in)
	if err != nil && !documentCodes[fault.CodeOf(err)] {
		t.Fatalf("unexpected error %v", err)
	}
	checkDocument(t, doc)
}

// fuzzText fuzzes the parser of a text format.
func fuzzText(f *testing.F, mediaType string, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkExtract(t, extract.Input{Data: data, ContentType: mediaType})
	})
}

func FuzzPlain(f *testing.F) {
	fuzzText(f, "text/plain", "words\r\n\r\nmore", "\xff\xfeh\x00i\x00", "caf\xe9", "\x1b$B")
}

func FuzzMarkdown(f *testing.F) {
	fuzzText(f, "text/markdown", "---\na: [1, {b: c}]\n---\n# H\n\n- a\n  1. b\n\n> q\n\n| a |\n|-|\n| b |\n\n```go\nx\n```\n<b>h</b> &amp; \\*")
}

func FuzzHTML(f *testing.F) {
	fuzzText(f, "text/html", "<h1>a</h1><ul><li>b<ol><li>c</ol></ul><table><tr><th>d<td colspan=3>e</table><pre>f</pre><blockquote>g")
}

func FuzzCSV(f *testing.F) {
	fuzzText(f, "text/csv", "a,b\n\"c;d\",e\n", "a\tb\n|\n", "\"")
}

func FuzzJSON(f *testing.F) {
	fuzzText(f, "application/json", `[{"a":[1,{"b":null}]},"c",true]`, "{}\n{}\n", `{"a"`)
}

func FuzzEML(f *testing.F) {
	fuzzText(f, "message/rfc822", "From: a@b\nSubject: =?utf-8?b?YQ==?=\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nYQ==\n--x--\n")
}

// fuzzPart fuzzes one file inside of an archive, all others being as given: name, content, name, content…
func fuzzPart(f *testing.F, mediaType, part, seed string, others ...string) {
	f.Add([]byte(seed))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		files := append([]string{part, string(data)}, others...)
		for i := 0; i < len(files); i += 2 {
			file, err := w.CreateHeader(&zip.FileHeader{Name: files[i], Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.Write([]byte(files[i+1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		checkExtract(t, extract.Input{Data: out.Bytes(), ContentType: mediaType})
	})
}

func FuzzDOCX(f *testing.F) {
	fuzzPart(f, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "word/document.xml",
		`<w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="H"/><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>a</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p/></w:tc></w:tr></w:tbl></w:body></w:document>`,
		"word/_rels/document.xml.rels", `<Relationships><Relationship Id="1" Type="x/numbering" Target="n.xml"/><Relationship Id="2" Type="x/styles" Target="s.xml"/></Relationships>`,
		"word/n.xml", `<numbering xmlns:w="w"><abstractNum w:abstractNumId="0"><lvl><numFmt w:val="decimal"/></lvl><lvl><numFmt w:val="decimal"/></lvl></abstractNum><num w:numId="1"><abstractNumId w:val="0"/></num></numbering>`,
		"word/s.xml", `<styles xmlns:w="w"><style w:type="paragraph" w:styleId="H"><basedOn w:val="H"/></style></styles>`)
}

func FuzzPPTX(f *testing.F) {
	fuzzPart(f, "application/vnd.openxmlformats-officedocument.presentationml.presentation", "ppt/slides/slide1.xml",
		`<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree><p:sp><p:nvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>a</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>`,
		"ppt/presentation.xml", `<p:presentation xmlns:p="p" xmlns:r="http://x/relationships"><p:sldIdLst><p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels", `<Relationships><Relationship Id="rId1" Type="x/slide" Target="slides/slide1.xml"/></Relationships>`)
}

func FuzzODT(f *testing.F) {
	fuzzPart(f, "application/vnd.oasis.opendocument.text", "content.xml",
		`<d><body><text><h outline-level="1">a</h><list><list-item><p>b<s/></p></list-item></list><table><table-row><table-cell number-columns-repeated="3"><p>c</p></table-cell></table-row></table></text></body></d>`)
}

func FuzzEPUB(f *testing.F) {
	fuzzPart(f, "application/epub+zip", "a.opf",
		`<package><metadata><title>t</title></metadata><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine></package>`,
		"META-INF/container.xml", `<container><rootfiles><rootfile full-path="a.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`,
		"c.xhtml", "<html><body><p>text</p></body></html>")
}
