package extract_test

import (
	"strings"
	"unicode/utf8"

	"lindero/ingest/extract"
)

// failer is what a test, a fuzz target and rapid have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkDocument holds a document to what Document promises.
func checkDocument(t failer, doc extract.Document) {
	t.Helper()
	if !utf8.ValidString(doc.Text) || !utf8.ValidString(doc.Title) {
		t.Fatalf("not valid UTF-8")
	}
	for _, r := range doc.Text + doc.Title {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			t.Fatalf("control character %U in the text", r)
		}
	}
	at := 0
	for i, block := range doc.Blocks {
		if block.Start < at || block.End <= block.Start || block.End > len(doc.Text) {
			t.Fatalf("block %d lies at %d to %d after %d of %d", i, block.Start, block.End, at, len(doc.Text))
		}
		if missed := strings.TrimSpace(doc.Text[at:block.Start]); missed != "" {
			t.Fatalf("no block holds %q", missed)
		}
		at = block.End
	}
	if missed := strings.TrimSpace(doc.Text[at:]); missed != "" {
		t.Fatalf("no block holds %q", missed)
	}
	for key, value := range doc.Metadata {
		switch value.(type) {
		case string, float64, bool, []string:
		default:
			t.Fatalf("metadata %s is a %T", key, value)
		}
	}
}
