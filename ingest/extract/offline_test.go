package extract

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"lindero/fault"
)

// TestNothingADocumentRefersToIsFetched reads files of all formats that refer to a server in every way their format
// has, and to a local file. The server must see no connection.
func TestNothingADocumentRefersToIsFetched(t *testing.T) {
	t.Parallel()
	server := listen(t)
	for name, in := range referring(t, "http://"+server.address) {
		doc, err := Extract(context.Background(), in)
		if err != nil && !fault.Is(err, fault.Damaged) { // an entity that is not expanded is damage
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(doc.Text, "root:") || strings.Contains(doc.Text, "SECRET") {
			t.Errorf("%s: holds what it refers to: %s", name, doc.Text)
		}
		if err == nil && !strings.Contains(doc.Text, "hello") {
			t.Errorf("%s: %q", name, doc.Text)
		}
		if n := server.connections.Load(); n != 0 {
			t.Fatalf("%s made %d connections", name, n)
		}
	}
	// The server does notice.
	if answer, err := http.Get("http://" + server.address); err == nil {
		_ = answer.Body.Close()
	}
	if server.connections.Load() == 0 {
		t.Error("the server noticed nothing")
	}
}

// listener counts connections and answers them with a text of its own.
type listener struct {
	address     string
	connections atomic.Int64
}

func listen(t *testing.T) *listener {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	l := &listener{address: socket.Addr().String()}
	go func() {
		for {
			connection, err := socket.Accept()
			if err != nil {
				return
			}
			l.connections.Add(1)
			_, _ = connection.Write([]byte("HTTP/1.0 200 OK\r\n\r\nSECRET"))
			_ = connection.Close()
		}
	}()
	return l
}

// referring are files that say hello and refer to url.
func referring(t *testing.T, url string) map[string]Input {
	expand := func(s string) string { return strings.ReplaceAll(s, "URL", url) }
	external := func(kind, target string) string {
		return fmt.Sprintf(`<Relationship Id="%s" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="%s" TargetMode="External"/>`, kind, kind, target)
	}
	relations := "<Relationships>" + external("image", url+"/i.png") + external("attachedTemplate", url+"/t.dotm") + external("oleObject", url+"/o") +
		external("aFChunk", url+"/c.html") + external("chart", url+"/chart.xml") + external("styles", url+"/styles.xml") + external("hyperlink", url) + "</Relationships>"
	const doctype = `<?xml version="1.0"?><!DOCTYPE d SYSTEM "URL/d.dtd" [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY u SYSTEM "URL/e"><!ENTITY % p SYSTEM "URL/p.dtd"> %p;]>`
	word := `<w:document xmlns:w="w" xmlns:r="http://x/relationships" xmlns:c="c"><w:body><w:p><w:r><w:t>hello</w:t></w:r><w:r><w:drawing><blip r:link="image"/><c:chart r:id="chart"/></w:drawing></w:r>` +
		`<w:r><w:instrText>INCLUDETEXT "URL" INCLUDEPICTURE "file:///etc/passwd"</w:instrText></w:r></w:p><w:altChunk r:id="aFChunk"/></w:body></w:document>`
	slide := `<p:sld xmlns:p="p" xmlns:a="a" xmlns:r="http://x/relationships"><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r><a:rPr><a:hlinkClick r:id="hyperlink"/></a:rPr><a:t>hello</a:t></a:r></a:p></p:txBody></p:sp><p:pic><a:blip r:link="image"/></p:pic></p:spTree></p:cSld></p:sld>`
	page := `<!doctype html><html><head><base href="URL/"><link rel=stylesheet href="a.css"><style>@import "URL/b.css"; p{background:url(URL/c.png)}</style><script src="URL/d.js"></script><meta http-equiv=refresh content="0;url=URL"></head>` +
		`<body background="URL/e.png"><p>hello<img src="URL/f.png" srcset="URL/g.png 2x"><iframe src="URL"></iframe><object data="URL"></object><embed src="URL"><video src="URL" poster="URL"></video><svg><use href="URL#a"/><image href="URL"/></svg><link rel=preload href="URL"></body></html>`
	odt := `<d xmlns:xlink="x" xmlns:draw="dr"><body><text><p>hello</p><p><draw:frame><draw:image xlink:href="URL/i.png"/><draw:object xlink:href="file:///etc/passwd"/></draw:frame></p><section><section-source xlink:href="URL/s.odt"/></section></text></body></d>`
	container := `<container><rootfiles><rootfile full-path="a.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`
	book := `<package><metadata/><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/><item id="r" href="URL/r.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/><itemref idref="r"/></spine></package>`
	mail := "From: a@x.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>hello<img src=\"URL/pixel.gif\"><link rel=stylesheet href=\"URL\">\r\n" +
		"--x\r\nContent-Type: message/external-body; access-type=URL; URL=\"URL\"\r\n\r\nContent-Type: text/plain\r\n\r\n\r\n--x--"
	return map[string]Input{
		"html": {Data: []byte(expand(page)), ContentType: "text/html"},
		"md":   {Data: []byte(expand("hello ![i](URL/i.png) <img src=\"URL/j.png\"> [l]\n\n[l]: URL\n")), ContentType: "text/markdown"},
		"json": {Data: []byte(expand(`{"$ref":"URL/schema.json","$schema":"URL","a":"hello"}`)), ContentType: "application/json"},
		"csv":  {Data: []byte(expand("a,b\nhello,\"=WEBSERVICE(\"\"URL\"\")\"\nx,=HYPERLINK(\"URL\")\n")), ContentType: "text/csv"},
		"eml":  {Data: []byte(expand(mail)), ContentType: "message/rfc822"},
		"docx": {Data: zipOf(t, "[Content_Types].xml", contentTypes, "word/document.xml", expand(word), "word/_rels/document.xml.rels", relations, "word/_rels/settings.xml.rels", relations)},
		"docx with a document type": {Data: zipOf(t, "[Content_Types].xml", contentTypes, "word/document.xml",
			expand(doctype+`<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>hello &f;&u;</w:t></w:r></w:p></w:body></w:document>`))},
		"docx with an unused document type": {Data: zipOf(t, "[Content_Types].xml", contentTypes, "word/document.xml",
			expand(doctype+`<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>hello</w:t></w:r></w:p></w:body></w:document>`))},
		"pptx": {Data: zipOf(t, "[Content_Types].xml", contentTypes, "ppt/presentation.xml", `<p:presentation xmlns:p="p" xmlns:r="http://x/relationships"><p:sldIdLst><p:sldId r:id="r1"/></p:sldIdLst></p:presentation>`,
			"ppt/_rels/presentation.xml.rels", `<Relationships><Relationship Id="r1" Type="x/slide" Target="slides/a.xml"/></Relationships>`, "ppt/slides/a.xml", slide, "ppt/slides/_rels/a.xml.rels", relations)},
		"xlsx": {Data: workbookOf(t, "", expand(`<row><c t="inlineStr"><is><t>hello</t></is></c><c><f>WEBSERVICE("URL")</f></c><c><f>[1]Sheet1!A1</f></c></row>`))},
		"odt":  {Data: zipOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "META-INF/manifest.xml", "<m/>", "content.xml", expand(odt))},
		"odt with a document type": {Data: zipOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "META-INF/manifest.xml", "<m/>",
			"content.xml", expand(doctype+`<d><body><text><p>hello &u;</p></text></body></d>`))},
		"epub": {Data: zipOf(t, "mimetype", "application/epub+zip", "META-INF/container.xml", container, "a.opf", expand(book), "c.xhtml", expand(doctype+page))},
		"pdf":  {Data: referringPDF(url)},
	}
}

// referringPDF is a PDF that opens, submits, imports and embeds what lies at url when it is opened or shown.
func referringPDF(url string) []byte {
	actions := fmt.Sprintf(`/OpenAction<</S/URI/URI(%[1]s)/Next[<</S/JavaScript/JS(app.launchURL\("%[1]s"\);this.submitForm\("%[1]s"\);)>><</S/Launch/F(%[1]s)>><</S/GoToR/F<</FS/URL/F(%[1]s)>>/D[0/Fit]>><</S/SubmitForm/F<</FS/URL/F(%[1]s)>>>><</S/ImportData/F<</FS/URL/F(%[1]s)>>>>]>>`+
		`/AA<</WC<</S/URI/URI(%[1]s)>>>>/AcroForm<</Fields[]/XFA(<xdp><config><url>%[1]s</url></config></xdp>)>>`, url)
	image := fmt.Sprintf("20 0 obj\n<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 0/F<</FS/URL/F(%s/i.png)>>>>\nstream\n\nendstream\nendobj\ntrailer", url)
	data := strings.Replace(string(pdfOf("hello")), "<</Type/Catalog", "<</Type/Catalog"+actions, 1)
	data = strings.Replace(data, "/MediaBox", fmt.Sprintf("/AA<</O<</S/URI/URI(%[1]s)>>>>/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(%[1]s)>>>>]/MediaBox", url), 1)
	data = strings.Replace(data, "/Resources<<", "/Resources<</XObject<</I 20 0 R>>", 1)
	return []byte(strings.Replace(data, "trailer", image, 1))
}
