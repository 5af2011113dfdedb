package builtin

import (
	"context"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lindero/embed"
	"lindero/fault"
)

func one(t testing.TB, e *Embedder, text string) []float32 {
	t.Helper()
	vectors, _, err := e.Embed(context.Background(), []string{text}, embed.Passage)
	if err != nil {
		t.Fatal(err)
	}
	return vectors[0]
}

func cosine(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func newEmbedder(t testing.TB, dimensions int) *Embedder {
	t.Helper()
	e, err := New(dimensions)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEveryTextHasAUnitVector(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		e, err := New(rapid.IntRange(1, embed.MaxDimensions).Draw(rt, "dimensions"))
		if err != nil {
			rt.Fatal(err)
		}
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(rt, "text")
		first, _, _ := e.Embed(context.Background(), []string{text}, embed.Passage)
		again, _, _ := e.Embed(context.Background(), []string{text}, embed.Query)
		if norm := cosine(first[0], first[0]); math.Abs(norm-1) > 1e-5 {
			rt.Fatalf("%q: squared length %v", text, norm)
		}
		for i := range first[0] {
			if first[0][i] != again[0][i] {
				rt.Fatalf("%q: component %d differs between two calls", text, i)
			}
		}
	})
}

func TestMisspeltAndInflectedWordsAreNear(t *testing.T) {
	t.Parallel()
	e := newEmbedder(t, 0)
	for _, c := range []struct{ near, text, far string }{
		{"photosynthesis", "photosinthesis", "thermodynamics"},
		{"constitución", "constitucoin", "contribuyente"},
		{"retrieval systems", "retreival system", "railway stations"},
		{"Фотосинтез растений", "фотосинтес растения", "железная дорога"},
		{"東京の天気", "東京の天候", "大阪の料理"},
	} {
		v := one(t, e, c.text)
		near, far := cosine(v, one(t, e, c.near)), cosine(v, one(t, e, c.far))
		if near < .35 || near < far+.2 {
			t.Errorf("%q: %.3f to %q, %.3f to %q", c.text, near, c.near, far, c.far)
		}
	}
}

func TestCaseAndAccentsDoNotCount(t *testing.T) {
	t.Parallel()
	e := newEmbedder(t, 0)
	if c := cosine(one(t, e, "Canción ESPAÑOLA"), one(t, e, "cancion espanola")); c < .9999 {
		t.Errorf("cosine %.4f", c)
	}
}

func TestTextWithoutWords(t *testing.T) {
	t.Parallel()
	e := newEmbedder(t, 4)
	for _, text := range []string{"", " \n", "?!", "\xff\xfe"} {
		if v := one(t, e, text); v[0] != .5 || v[3] != .5 {
			t.Errorf("%q: %v, want equal components", text, v)
		}
	}
}

func TestDimensionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, dimensions := range []int{-1, embed.MaxDimensions + 1} {
		if _, err := New(dimensions); !fault.Is(err, fault.Invalid) {
			t.Errorf("%d dimensions: %v", dimensions, err)
		}
	}
	if p := newEmbedder(t, 0).Profile(); p != (embed.Profile{Provider: "builtin", Model: Model, Dimensions: DefaultDimensions}) {
		t.Errorf("profile %+v", p)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := newEmbedder(t, 0).Embed(ctx, []string{"a"}, embed.Query); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

// passage is 150 words of English, nearly all of them distinct, which is the slowest case.
func passage() string {
	sentence := "Retrieval systems rank passages of documents by the words that a question shares with them. " +
		"Spelling mistakes, inflected forms and compounds make the difference harder to bridge than people think. "
	var text strings.Builder
	for _, ending := range []string{" ", "er ", "ment ", "ation ", "ism "} {
		text.WriteString(strings.ReplaceAll(sentence, " ", ending))
	}
	return text.String()
}

func BenchmarkEmbed(b *testing.B) {
	if words := len(strings.Fields(passage())); words != 150 {
		b.Fatalf("%d words", words)
	}
	texts := []string{passage()}
	e := newEmbedder(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := e.Embed(context.Background(), texts, embed.Passage); err != nil {
			b.Fatal(err)
		}
	}
}
