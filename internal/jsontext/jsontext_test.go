package jsontext

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func encoded(t *rapid.T, v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// TestStrings draws bytes of all kinds next to each other: what is plain is looked at eight at a time.
func TestStrings(t *testing.T) {
	t.Parallel()
	pieces := rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.String(), rapid.SampledFrom([]string{"\"", "\\", "\x00", "\x1f", "\x7f", "é", "\u2028", "\u2029", "😀", "\xff", "<&>", "\r\n\t\b\f"}))
	rapid.Check(t, func(t *rapid.T) {
		s := ""
		for _, piece := range rapid.SliceOf(pieces).Draw(t, "pieces") {
			s += piece
		}
		if got, want := string(AppendString(nil, s)), encoded(t, s); got != want {
			t.Fatalf("%q becomes %s, want %s", s, got, want)
		}
	})
}

func TestFloats(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		f32 := math.Float32frombits(rapid.Uint32().Draw(t, "bits of 32"))
		for _, f := range []float64{f, rapid.Float64().Draw(t, "float"), float64(rapid.IntRange(-1e6, 1e6).Draw(t, "whole")) / 1e9} {
			if math.IsNaN(f) || math.IsInf(f, 0) {
				continue
			}
			if got, want := string(AppendFloat(nil, f, 64)), encoded(t, f); got != want {
				t.Fatalf("%v becomes %s, want %s", f, got, want)
			}
		}
		if f := float64(f32); !math.IsNaN(f) && !math.IsInf(f, 0) {
			if got, want := string(AppendFloat(nil, f, 32)), encoded(t, f32); got != want {
				t.Fatalf("%v becomes %s, want %s", f32, got, want)
			}
		}
	})
}
