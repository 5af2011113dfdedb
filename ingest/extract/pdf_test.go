package extract

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lindero/fault"
	"lindero/ingest/extract/internal/pdf"
)

// pdfOf is a PDF with a line of text on each page. PDFium makes up for the missing table of objects.
func pdfOf(pages ...string) []byte {
	var s, kids strings.Builder
	for i, text := range pages {
		content := fmt.Sprintf("BT /F1 12 Tf 72 700 Td (%s) Tj ET", text)
		fmt.Fprintf(&kids, "%d 0 R ", 10+2*i)
		fmt.Fprintf(&s, "%d 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>>>>>\nendobj\n", 10+2*i, 11+2*i)
		fmt.Fprintf(&s, "%d 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n", 11+2*i, len(content), content)
	}
	return fmt.Appendf(nil, "%%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[%s]/Count %d>>\nendobj\n3 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n%strailer\n<</Root 1 0 R/Info 4 0 R>>\n%%%%EOF\n", kids.String(), len(pages), s.String())
}

func TestPDFPages(t *testing.T) {
	t.Parallel()
	doc := mustExtract(t, Input{Data: pdfOf("The first page.", "The second page.")})
	if want := "The first page.\n\nThe second page."; doc.Text != want || doc.Metadata["pages"] != 2.0 {
		t.Errorf("got %q, metadata %v", doc.Text, doc.Metadata)
	}
	if len(doc.Blocks) != 2 || doc.Blocks[0].Page != 1 || doc.Blocks[1].Page != 2 {
		t.Errorf("blocks %+v", doc.Blocks)
	}
}

func TestPDFTimeAndTextAreBounded(t *testing.T) {
	t.Parallel()
	pages := make([]string, 300)
	for i := range pages {
		pages[i] = strings.Repeat("word ", 200)
	}
	data := pdfOf(pages...)
	mustExtract(t, Input{Data: pdfOf("starts the sandbox")})
	start := time.Now()
	_, err := Extract(context.Background(), Input{Data: data, Limits: Limits{Time: 50 * time.Millisecond}})
	if !fault.Is(err, fault.Timeout) || time.Since(start) > 5*time.Second {
		t.Errorf("got %v after %v, want timeout", err, time.Since(start))
	}
	if _, err := Extract(context.Background(), Input{Data: data, Limits: Limits{TextBytes: 2000}}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("got %v, want too_large", err)
	}
	// The sandbox that was stopped does no harm to the next file.
	if doc := mustExtract(t, Input{Data: pdfOf("still here")}); doc.Text != "still here" {
		t.Errorf("got %q", doc.Text)
	}
}

func TestPDFLinesBecomeParagraphsHeadingsAndItems(t *testing.T) {
	t.Parallel()
	b := newBuilder(1 << 20)
	pdfPage([]pdf.Line{
		{Text: "The great", Size: 2}, {Text: "title", Size: 2},
		{Text: "A paragraph that runs over the whole width of the pa\x02", Size: 1},
		{Text: "ge and ends here.", Size: 1},
		{Text: "Another one that starts after a short line of text.", Size: 1},
		{Text: "A bold line", Size: 1, Bold: true},
		{Text: "• one item of a list", Size: 1},
		{Text: "• another item", Size: 1},
	}, b)
	want := "# The great title\n\nA paragraph that runs over the whole width of the page and ends here.\n\n" +
		"Another one that starts after a short line of text.\n\n### A bold line\n\n- one item of a list\n- another item"
	if got := b.text.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
