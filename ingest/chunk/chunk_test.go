package chunk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"lindero/fault"
	"lindero/ingest/extract"
)

func document(t testing.TB, mediaType, text string) extract.Document {
	t.Helper()
	doc, err := extract.Extract(context.Background(), extract.Input{Data: []byte(text), ContentType: mediaType})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// anyDocument draws pages of all that Markdown and plain text can hold.
func anyDocument(t *rapid.T) extract.Document {
	word := rapid.SampledFrom([]string{"límite", "boundary", "a", "nothing.", "Sí!", "界线在图上。", "extraordinarily", "3,141", "e.g.", "x", "¿Qué?", strings.Repeat("long", 30), "😀"})
	line := rapid.Custom(func(t *rapid.T) string {
		words := strings.Join(rapid.SliceOfN(word, 1, 40).Draw(t, "words"), " ")
		start := rapid.SampledFrom([]string{"", "", "", "# ", "## ", "- ", "> ", "| a | b |\n|--|--|\n| ", "```\n", "\n", "\n"}).Draw(t, "start")
		return start + words
	})
	text := strings.Join(rapid.SliceOfN(line, 0, 40).Draw(t, "lines"), "\n")
	doc, err := extract.Extract(context.Background(), extract.Input{
		Data:        []byte(text),
		ContentType: rapid.SampledFrom([]string{"text/plain", "text/markdown"}).Draw(t, "type"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func anyOptions(t *rapid.T) Options {
	budget := rapid.IntRange(MinTokens, 300).Draw(t, "max")
	return Options{
		Strategy:      rapid.SampledFrom([]string{Structure, Fixed, None}).Draw(t, "strategy"),
		MaxTokens:     budget,
		OverlapTokens: rapid.IntRange(0, budget/2).Draw(t, "overlap"),
	}
}

func TestChunksCoverTheTextWithinTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc, options := anyDocument(t), anyOptions(t)
		chunks := Split(doc, options)
		if again := Split(doc, options); !reflect.DeepEqual(chunks, again) {
			t.Fatal("two runs differ")
		}
		covered, lastStart := 0, -1
		for i, c := range chunks {
			if c.Position != i || c.Start <= lastStart || c.End <= c.Start {
				t.Fatalf("chunk %d out of order: %+v", i, c)
			}
			if !utf8.ValidString(c.Text) || c.Text != c.Prefix+doc.Text[c.Start:c.End] {
				t.Fatalf("chunk %d is not the text at its offsets: %+v", i, c)
			}
			if missed := strings.TrimSpace(doc.Text[covered:max(covered, c.Start)]); missed != "" {
				t.Fatalf("no chunk holds %q", missed)
			}
			if tokens := Count(c.Text); options.Strategy != None && tokens > options.MaxTokens {
				t.Fatalf("chunk %d has %d tokens, budget %d: %q", i, tokens, options.MaxTokens, c.Text)
			}
			covered, lastStart = max(covered, c.End), c.Start
		}
		if missed := strings.TrimSpace(doc.Text[covered:]); missed != "" {
			t.Fatalf("no chunk holds %q", missed)
		}
	})
}

// prose makes paragraphs of random words, each one of several sentences.
func prose(random *rand.Rand, paragraphs int) []string {
	all := make([]string, paragraphs)
	for i := range all {
		var s strings.Builder
		for range 2 + random.IntN(5) {
			for w := range 6 + random.IntN(14) {
				if w > 0 {
					s.WriteByte(' ')
				}
				fmt.Fprintf(&s, "%s%s", map[bool]string{true: "W", false: "w"}[w == 0], strings.Repeat(string(rune('a'+random.IntN(26))), 1+random.IntN(7)))
			}
			s.WriteString(". ")
		}
		all[i] = strings.TrimSpace(s.String())
	}
	return all
}

func TestAChangedParagraphLeavesDistantChunksAlone(t *testing.T) {
	t.Parallel()
	reused, total := 0, 0
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		paragraphs := prose(random, 300)
		before := Split(document(t, "text/plain", strings.Join(paragraphs, "\n\n")), Options{})
		paragraphs[150] = prose(random, 1)[0]
		after := Split(document(t, "text/plain", strings.Join(paragraphs, "\n\n")), Options{})
		known := map[string]bool{}
		for _, c := range before {
			known[c.Text] = true
		}
		changed := 0
		for _, c := range after {
			if !known[c.Text] {
				changed++
			}
		}
		reused, total = reused+len(after)-changed, total+len(after)
		if changed > 15 {
			t.Errorf("seed %d: %d of %d chunks changed with one paragraph of 300", seed, changed, len(after))
		}
	}
	t.Logf("%d of %d chunks kept their text", reused, total)
	if float64(reused) < .96*float64(total) {
		t.Errorf("only %d of %d chunks kept their text", reused, total)
	}
}

func TestStructureKeepsSentencesRowsAndHeadings(t *testing.T) {
	t.Parallel()
	page := "# Guide\n\n## Install\n\n### Debian\n\n" + strings.Join(prose(rand.New(rand.NewPCG(7, 7)), 8), "\n\n") +
		"\n\n## Prices\n\n| item | price |\n|--|--|\n" + strings.Repeat("| widget of some length | 12.50 |\n", 60)
	doc := document(t, "text/markdown", page)
	chunks := Split(doc, Options{MaxTokens: 100, OverlapTokens: 20})
	contexts := map[string]bool{}
	for _, c := range chunks {
		contexts[c.Context] = true
		if strings.Contains(c.Text, "widget") {
			if !strings.Contains(c.Text, "| item | price |") {
				t.Errorf("rows without their header: %q", c.Text)
			}
			if !strings.HasSuffix(c.Text, "|") {
				t.Errorf("torn row: %q", c.Text)
			}
			continue
		}
		if !strings.HasSuffix(c.Text, ".") {
			t.Errorf("torn sentence: %q", c.Text)
		}
	}
	if !contexts["Install > Debian"] || !contexts["Prices"] {
		t.Errorf("contexts are %v", contexts)
	}
}

func TestSmallSectionsAreMerged(t *testing.T) {
	t.Parallel()
	doc := document(t, "text/markdown", strings.Repeat("## Question\n\nA short answer of few words.\n\n", 40))
	if n := len(Split(doc, Options{})); n > 6 {
		t.Errorf("%d chunks for 40 sections of 10 tokens", n)
	}
}

func TestOverlapRepeatsWholeSentences(t *testing.T) {
	t.Parallel()
	var s strings.Builder
	for i := range 100 {
		fmt.Fprintf(&s, "This is sentence number %d of all. ", i)
	}
	doc := document(t, "text/plain", s.String())
	chunks := Split(doc, Options{MaxTokens: 100, OverlapTokens: 25})
	for i := 1; i < len(chunks); i++ {
		if chunks[i].Start >= chunks[i-1].End {
			t.Errorf("chunk %d does not overlap the one before", i)
		}
		if !strings.HasPrefix(chunks[i].Text, "This is sentence") {
			t.Errorf("chunk %d begins within a sentence: %q", i, chunks[i].Text)
		}
	}
}

func TestEmptyDocumentsHaveNoChunks(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{Structure, Fixed, None} {
		for _, text := range []string{"", " \n\t\n "} {
			if chunks := Split(document(t, "text/plain", text), Options{Strategy: strategy}); len(chunks) != 0 {
				t.Errorf("%s of %q: %+v", strategy, text, chunks)
			}
		}
	}
}

func TestHugeWordIsCut(t *testing.T) {
	t.Parallel()
	doc := document(t, "text/plain", strings.Repeat("界x", 5000))
	for _, c := range Split(doc, Options{MaxTokens: 50}) {
		if Count(c.Text) > 50 || strings.IndexFunc(c.Text, unicode.IsSpace) >= 0 {
			t.Fatalf("chunk of %d tokens", Count(c.Text))
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, good := range []Options{{}, {Strategy: Fixed}, {MaxTokens: 512}, {MaxTokens: 64, OverlapTokens: 32}, {Strategy: None}} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for location, bad := range map[string]Options{
		"body.chunking.strategy":       {Strategy: "magic"},
		"body.chunking.max_tokens":     {MaxTokens: 15},
		"body.chunking.overlap_tokens": {MaxTokens: 64, OverlapTokens: 33},
	} {
		err := bad.Validate()
		f, ok := err.(*fault.Error)
		if !ok || f.Code != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Location != location {
			t.Errorf("%+v: got %v, want a fault at %s", bad, err, location)
		}
	}
}

func BenchmarkStructure(b *testing.B) {
	text := strings.Join(prose(rand.New(rand.NewPCG(1, 2)), 5000), "\n\n")
	doc := document(b, "text/plain", text)
	b.SetBytes(int64(len(text)))
	n := 0
	for b.Loop() {
		n += len(Split(doc, Options{}))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "chunks/s")
}

// BenchmarkShortDocuments is many documents of 150 words each.
func BenchmarkShortDocuments(b *testing.B) {
	doc := document(b, "text/plain", strings.Join(strings.Fields(strings.Join(prose(rand.New(rand.NewPCG(1, 2)), 10), " "))[:150], " "))
	n := 0
	for b.Loop() {
		n += len(Split(doc, Options{}))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "chunks/s")
}
