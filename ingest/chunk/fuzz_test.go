package chunk_test

import (
	"context"
	"strings"
	"testing"

	"lindero/ingest/chunk"
	"lindero/ingest/extract"
)

// FuzzSplit splits whatever text makes of a document, by every strategy, and holds the chunks to what Chunk says.
func FuzzSplit(f *testing.F) {
	f.Add("# A\n\nOne sentence. Another one!\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n- x\n- y\n\n```\ncode\n```", uint8(0), uint16(16), uint16(4))
	f.Add(strings.Repeat("word ", 300)+strings.Repeat("x", 500), uint8(1), uint16(20), uint16(10))
	f.Add("二つの土地の境界線。😀 "+strings.Repeat("é", 200), uint8(2), uint16(30), uint16(0))
	strategies := []string{chunk.Structure, chunk.Fixed, chunk.None}
	f.Fuzz(func(t *testing.T, text string, strategy uint8, most, overlap uint16) {
		options := chunk.Options{Strategy: strategies[int(strategy)%len(strategies)], MaxTokens: int(most), OverlapTokens: int(overlap)}
		if options.Validate() != nil {
			t.Skip("options that are refused")
		}
		for _, mediaType := range []string{"text/markdown", "text/plain", "text/csv"} {
			doc, err := extract.Extract(context.Background(), extract.Input{Data: []byte(text), ContentType: mediaType})
			if err != nil {
				continue
			}
			checkSplit(t, doc, chunk.Split(doc, options), options)
		}
	})
}

func checkSplit(t *testing.T, doc extract.Document, chunks []chunk.Chunk, options chunk.Options) {
	t.Helper()
	end, before := 0, -1
	for i, c := range chunks {
		if c.Start < 0 || c.Start >= c.End || c.End > len(doc.Text) || c.Start <= before || c.Position != i {
			t.Fatalf("chunk %d lies at %d to %d of %d, after %d", i, c.Start, c.End, len(doc.Text), before)
		}
		if c.Text != c.Prefix+doc.Text[c.Start:c.End] {
			t.Fatalf("chunk %d is not its part of the text", i)
		}
		if c.Start > end && strings.TrimSpace(doc.Text[end:c.Start]) != "" {
			t.Fatalf("no chunk holds %q", doc.Text[end:c.Start])
		}
		if options.Strategy != chunk.None && options.MaxTokens > 0 && chunk.Count(c.Text) > options.MaxTokens {
			t.Fatalf("chunk %d has %d tokens of %d", i, chunk.Count(c.Text), options.MaxTokens)
		}
		end, before = c.End, c.Start
	}
	if strings.TrimSpace(doc.Text[end:]) != "" {
		t.Fatalf("no chunk holds %q", doc.Text[end:])
	}
}
