package extract

import (
	"context"
	"slices"
	"testing"
	"time"

	"lindero/fault"
	"lindero/internal/memtest"
)

// read is the code of a file that is hostile and yet has text.
const read fault.Code = "read"

// hostileFile is a file made to do harm, and what becomes of it.
type hostileFile struct {
	name string
	make func(t testing.TB) Input
	want []fault.Code // one of them
}

// hostilePeak is what reading any one file may take, in bytes, besides the file itself.
const hostilePeak = 200 << 20

// TestHostileFilesInBoundedMemory reads the files one after another, each with a code, within its memory and its
// time, and a good document after each.
func TestHostileFilesInBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	memtest.SkipWithRaceDetector(t)
	good := docxOf(t, `<w:p><w:r><w:t>hello</w:t></w:r></w:p>`)
	mustExtract(t, Input{Data: pdfOf("starts the sandbox")})
	t.Logf("| file | input | code | peak heap | time |")
	t.Logf("|---|---|---|---|---|")
	for _, c := range hostileFiles() {
		in := c.make(t)
		in.Limits.Time = 20 * time.Second
		var doc Document
		var err error
		start := time.Now()
		peak := memtest.Peak(t, func() { doc, err = Extract(context.Background(), in) })
		lasted := time.Since(start)
		got := read
		if err != nil {
			got = fault.CodeOf(err)
		}
		t.Logf("| %s | %.1f MB | `%s` | %.0f MB | %v |", c.name, float64(len(in.Data))/1e6, got, float64(peak)/1e6, lasted.Round(time.Millisecond))
		if !slices.Contains(c.want, got) {
			t.Errorf("%s: got %v with %d bytes of text, want one of %v", c.name, err, len(doc.Text), c.want)
		}
		if peak > hostilePeak {
			t.Errorf("%s: took %d MB", c.name, peak>>20)
		}
		if lasted > in.Limits.Time+5*time.Second {
			t.Errorf("%s: took %v", c.name, lasted)
		}
		if doc := mustExtract(t, Input{Data: good}); doc.Text != "hello" {
			t.Errorf("after %s: got %q", c.name, doc.Text)
		}
	}
}

func codes(c ...fault.Code) []fault.Code { return c }
