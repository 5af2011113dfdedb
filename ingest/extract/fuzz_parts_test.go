package extract

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"lindero/ingest/extract/internal/pdf"
)

func FuzzCharset(f *testing.F) {
	f.Add([]byte("caf\xe9"), "iso-8859-1")
	f.Add([]byte("\xff\xfeh\x00"), "")
	f.Add([]byte("\x82\xb1\x82\xea"), "shift_jis")
	f.Add([]byte("h\x00\x00\x00i\x00\x00\x00h\x00\x00\x00i\x00\x00\x00"), "utf-7")
	f.Fuzz(func(t *testing.T, data []byte, declared string) {
		text := decodeText(data, declared)
		if byteOrder, _ := byteOrderMark(data); byteOrder == nil && utf8.Valid(data) && wideEncoding(sample(data)) == "" && !escapesJapanese(data) && text != string(data) {
			t.Errorf("valid UTF-8 %q became %q", data, text)
		}
		decodeHTML(data, declared)
	})
}

func FuzzClean(f *testing.F) {
	f.Add("a\r\nb\u2028c\x00" + strings.Repeat(" ", 200))
	f.Add("\xff\u00a0\u00ad")
	f.Fuzz(func(t *testing.T, s string) {
		once := clean(s)
		if !utf8.ValidString(once) || clean(once) != once {
			t.Errorf("%q became %q", s, once)
		}
		if strings.Contains(tidy(once), "\n\n") || strings.Contains(oneLine(once), "\n") {
			t.Errorf("%q keeps lines", once)
		}
	})
}

func FuzzXMLTree(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="iso-8859-1"?><a b="c">d<e/><rPr><f/></rPr></a>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d SYSTEM "http://127.0.0.1/">]><a>&b;&d;</a>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := Limits{Depth: 20, TreeBytes: 1 << 20}
		root, err := parseXML(context.Background(), data, limits)
		if err == nil && depthOf(root) > limits.Depth {
			t.Errorf("%d deep", depthOf(root))
		}
	})
}

func depthOf(e *element) int {
	deepest := 0
	for _, kid := range e.kids {
		deepest = max(deepest, depthOf(kid))
	}
	return deepest + 1
}

func FuzzFrontMatter(f *testing.F) {
	f.Add("---\ntitle: a\ntags: [b, 1, true]\nc: {d: 2024-01-01}\n---\ntext")
	f.Add("---\na: &a [*a]\n...\n")
	f.Fuzz(func(t *testing.T, page string) {
		b := newBuilder(1 << 20)
		if rest := frontMatter(page, b); !strings.HasSuffix(page, rest) {
			t.Errorf("%q left %q", page, rest)
		}
		for key, value := range b.metadata {
			switch value.(type) {
			case string, float64, bool, []string:
			default:
				t.Errorf("%s is a %T", key, value)
			}
		}
	})
}

func FuzzMarkdownSlices(f *testing.F) {
	f.Add("# a\n\n```\nb\n```\n| c |\n", 2000)
	f.Fuzz(func(t *testing.T, piece string, times int) {
		page := strings.Repeat(piece, max(0, min(times, 4<<20/max(len(piece), 1))))
		var all strings.Builder
		for slice := range markdownSlices(page) {
			if longest := longestLine(slice); len(slice) > maxSlice+maxRun && longest < len(slice) {
				t.Errorf("a slice of %d bytes with lines of %d", len(slice), longest)
			}
			all.WriteString(slice)
		}
		if all.String() != page {
			t.Error("the slices are not the page")
		}
	})
}

func longestLine(s string) (longest int) {
	for line := range strings.Lines(s) {
		longest = max(longest, len(line))
	}
	return longest
}

func FuzzSlim(f *testing.F) {
	f.Add("<p style='display: none'>a<script>b</script><!-- c --><td colspan=2 onclick=d>e</p><svg><p>f")
	f.Fuzz(func(t *testing.T, page string) {
		slimmed, err := slim(context.Background(), page)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(slimmed, "<script>") && !strings.Contains(page, "<script>") {
			t.Errorf("%q became %q", page, slimmed)
		}
		treeFits(page)
		b := newBuilder(1 << 20)
		if err := appendTokens(context.Background(), page, b); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzPDFPage(f *testing.F) {
	f.Add("A title\n• item\nhyphen\x02\nated text.\n\nMore", uint8(3))
	f.Fuzz(func(t *testing.T, text string, large uint8) {
		var lines []pdf.Line
		for line := range strings.SplitSeq(text, "\n") {
			lines = append(lines, pdf.Line{Text: line, Size: 1 + float64(len(line)%int(large/16+1))/4, Bold: len(line)%7 == 0})
		}
		b := newBuilder(1 << 20)
		pdfPage(lines, b)
	})
}
