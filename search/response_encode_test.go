package search

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lindero/store"
)

func optional[T any](g *rapid.Generator[T]) *rapid.Generator[*T] { return rapid.Ptr(g, true) }

var anyResult = rapid.Custom(func(t *rapid.T) Result {
	number, text, whole := rapid.Float64(), rapid.String(), rapid.IntRange(0, 1<<30)
	return Result{
		DocumentID: text.Draw(t, "document"), ChunkID: text.Draw(t, "chunk"), Collection: text.Draw(t, "collection"),
		Score: number.Draw(t, "score"), Scores: Scores{optional(number).Draw(t, "semantic"), optional(number).Draw(t, "lexical")},
		Text: optional(text).Draw(t, "text"), Title: text.Draw(t, "title"), URL: text.Draw(t, "url"),
		Metadata:   rapid.SampledFrom([]json.RawMessage{nil, []byte(`{}`), []byte(`{"a":[1,"x",null]}`)}).Draw(t, "metadata"),
		Highlights: rapid.SampledFrom([][]Highlight{nil, {{1, 2}}, {{1, 2}, {5, 9}}}).Draw(t, "highlights"),
		Position:   store.Position{Chunk: whole.Draw(t, "n"), Start: whole.Draw(t, "start"), End: whole.Draw(t, "end"), Page: rapid.IntRange(0, 2).Draw(t, "page")},
		Vector:     rapid.SliceOfN(rapid.Float32(), 0, 5).Draw(t, "vector"),
	}
})

// TestAppendFields compares every answer, byte by byte, with what encoding/json makes of it: a field that is added to the
// response and forgotten here does not pass. Every field is drawn, which the test checks first.
func TestAppendFields(t *testing.T) {
	t.Parallel()
	for of, drawn := range map[reflect.Type]int{
		reflect.TypeFor[Response](): 5, reflect.TypeFor[Result](): 12, reflect.TypeFor[Scores](): 2, reflect.TypeFor[store.Position](): 4,
		reflect.TypeFor[Usage](): 1,
	} {
		if of.NumField() != drawn {
			t.Fatalf("%s has %d fields, and %d are drawn", of, of.NumField(), drawn)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		response := Response{
			Results: rapid.SliceOfN(anyResult, 0, 3).Draw(t, "results"), TookMS: rapid.Float64().Draw(t, "took"),
			Usage:    Usage{rapid.Int().Draw(t, "tokens")},
			Warnings: rapid.SampledFrom([][]Warning{nil, {{"code", "a <detail> & more"}}}).Draw(t, "warnings"),
			Explain:  rapid.SampledFrom([]*Explain{nil, {Mode: Hybrid, Legs: []ExplainLeg{{Kind: Lexical}}}}).Draw(t, "explain"),
		}
		if response.Results == nil {
			response.Results = []Result{}
		}
		var want strings.Builder
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(response); err != nil {
			t.Skip("JSON has no form for it")
		}
		got, err := response.AppendFields([]byte{'{'})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), string(got)+"}\n"); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAppendFieldsRefusesWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]Response{
		"score":  {Results: []Result{{Score: math.NaN()}}},
		"leg":    {Results: []Result{{Scores: Scores{Semantic: new(math.Inf(1))}}}},
		"vector": {Results: []Result{{Vector: []float32{float32(math.Inf(-1))}}}},
		"took":   {TookMS: math.NaN()},
	} {
		if _, err := response.AppendFields(nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	text := strings.Repeat("A sentence of some words, as texts have them. ", 20)
	response := Response{Results: make([]Result, 10)}
	for i := range response.Results {
		response.Results[i] = Result{
			DocumentID: "document", ChunkID: "3e0a7a5e-8f4c-4f3e-9f0e-0d4a0f3e6d5b", Collection: "default", Score: .87654321, Text: &text,
			Scores: Scores{Semantic: new(.87654321)}, Metadata: []byte(`{"product": "fibre", "year": 2026}`),
		}
	}
	b.Run("own", func(b *testing.B) {
		var buffer []byte
		for b.Loop() {
			buffer, _ = response.AppendFields(buffer[:0])
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		for b.Loop() {
			_, _ = json.Marshal(response)
		}
	})
}
