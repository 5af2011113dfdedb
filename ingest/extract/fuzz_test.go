package extract_test

import (
	"archive/zip"
	"bytes"
	"context"
	"testing"
	"time"

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
	in.Limits = extract.Limits{TextBytes: 1 << 20, EntryBytes: 1 << 20, ArchiveBytes: 4 << 20, TreeBytes: 16 << 20, Time: 30 * time.Second}
	doc, err := extract.Extract(context.Background(), in)
	if err != nil && !documentCodes[fault.CodeOf(err)] {
		t.Fatalf("unexpected error %v", err)
	}
	if fault.Is(err, fault.Timeout) { // what a fuzzer makes is small
		t.Fatalf("%d bytes took longer than %v", len(in.Data), in.Limits.Time)
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
		checkExtract(t, extract.Input{Data: stored(t, append([]string{part, string(data)}, others...)...), ContentType: mediaType})
	})
}

// stored is an archive of files that are not compressed: name, content, name, content…
func stored(t testing.TB, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
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
	return out.Bytes()
}

func FuzzDOCX(f *testing.F) {
	fuzzPart(f, wordType, "word/document.xml",
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

const wordType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

// wordBody refers to every other part of a Word document.
const wordBody = `<w:document xmlns:w="w" xmlns:c="c" xmlns:r="http://x/relationships"><w:body><w:p><w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>a</w:t></w:r></w:p><w:p><w:r><w:drawing><c:chart r:id="2"/></w:drawing></w:r></w:p></w:body></w:document>`

const wordRelations = `<Relationships><Relationship Id="1" Type="x/numbering" Target="n.xml"/><Relationship Id="2" Type="x/chart" Target="c.xml"/></Relationships>`

func FuzzDOCXNumbering(f *testing.F) {
	fuzzPart(f, wordType, "word/n.xml",
		`<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="0"><w:lvl><w:start w:val="1"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%1.%2"/></w:lvl><w:lvl><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%2)"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="1"><w:startOverride w:val="7"/></w:lvlOverride></w:num></w:numbering>`,
		"word/document.xml", wordBody, "word/_rels/document.xml.rels", wordRelations)
}

func FuzzDOCXChart(f *testing.F) {
	fuzzPart(f, wordType, "word/c.xml",
		`<c:chartSpace xmlns:c="c" xmlns:a="a"><c:chart><c:title><a:p><a:r><a:t>T</a:t></a:r></a:p></c:title><c:plotArea><c:barChart><c:ser><c:tx><c:v>s</c:v></c:tx><c:cat><c:lvl><c:pt idx="0"><c:v>x</c:v></c:pt></c:lvl></c:cat><c:val><c:pt idx="3"><c:v>1</c:v></c:pt></c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>`,
		"word/document.xml", wordBody, "word/_rels/document.xml.rels", wordRelations)
}

func FuzzDOCXEquation(f *testing.F) {
	f.Add("<m:f><m:num><m:r><m:t>π</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>")
	f.Add("<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr><m:sub/><m:sup/><m:e/></m:nary><m:d><m:dPr><m:begChr m:val='{'/></m:dPr><m:e/></m:d><m:m><m:mr><m:e/></m:mr></m:m>")
	f.Fuzz(func(t *testing.T, math string) {
		checkExtract(t, extract.Input{ContentType: wordType, Data: stored(t, "word/document.xml",
			`<w:document xmlns:w="w" xmlns:m="m"><w:body><w:p><m:oMathPara><m:oMath>`+math+`</m:oMath></m:oMathPara></w:p></w:body></w:document>`)})
	})
}

func FuzzRelations(f *testing.F) {
	fuzzPart(f, wordType, "word/_rels/document.xml.rels", wordRelations, "word/document.xml", wordBody, "word/n.xml", "<n/>", "word/c.xml", "<c/>")
}

func FuzzXLSX(f *testing.F) {
	const relationships = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	fuzzPart(f, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xl/worksheets/sheet1.xml",
		`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:B2"/><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1"><v>1</v></c></row><row r="2"><c r="B2" t="b"><v>1</v></c></row></sheetData></worksheet>`,
		"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`,
		"_rels/.rels", relationships+`<Relationship Id="rId1" Type="`+office+`/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="`+office+`"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", relationships+`<Relationship Id="rId1" Type="`+office+`/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`)
}

// FuzzArchive fuzzes the container itself, in every format that has one.
func FuzzArchive(f *testing.F) {
	f.Add(stored(f, "word/document.xml", wordBody, "word/_rels/document.xml.rels", wordRelations), byte(0))
	f.Add(stored(f, "content.xml", "<d><body><text><p>a</p></text></body></d>"), byte(3))
	types := []string{wordType, "application/vnd.openxmlformats-officedocument.presentationml.presentation",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.oasis.opendocument.text", "application/epub+zip"}
	f.Fuzz(func(t *testing.T, data []byte, kind byte) {
		checkExtract(t, extract.Input{Data: data, ContentType: types[int(kind)%len(types)]})
	})
}

// FuzzAny leaves the type to the content and the name.
func FuzzAny(f *testing.F) {
	f.Add([]byte("%PDF-1.4\n"), "a.pdf", "")
	f.Add([]byte("From: a@b\n\ntext"), "", "message/rfc822")
	f.Add([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "a.doc", "text/plain; charset=x")
	f.Fuzz(func(t *testing.T, data []byte, name, contentType string) {
		if bytes.Contains(data, []byte("%PDF-")) {
			t.Skip("PDFium is fuzzed by its makers, and takes its time")
		}
		checkExtract(t, extract.Input{Data: data, Filename: name, ContentType: contentType})
	})
}
