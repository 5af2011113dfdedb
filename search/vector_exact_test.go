package search

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Numbers in all the forms in which programs write them, next to where roundings turn, and between two 32-bit floats.
func TestComponentsAreRoundedAsStrconvDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		float := math.Float32frombits(rapid.Uint32().Draw(t, "bits"))
		if math.IsNaN(float64(float)) || math.IsInf(float64(float), 0) {
			return
		}
		format := rapid.SampledFrom([]byte("efg")).Draw(t, "format")
		digits := rapid.IntRange(-1, 20).Draw(t, "digits")
		next := math.Nextafter32(float, float32(math.Inf(1)))
		middle := (float64(float) + float64(next)) / 2
		for _, value := range []float64{float64(float), middle, rapid.Float64().Draw(t, "float64"), rapid.Float64Range(-1, 1).Draw(t, "component")} {
			text := strconv.FormatFloat(value, format, digits, 64)
			same(t, text)
		}
	})
	for _, text := range strings.Fields(`0 -0 0.0 1 -1 0.1 1e0 1E-5 1e+5 1e22 1e23 1e-22 1e-23 123456789012345 1234567890123456 0.000000000000001
		16777217 16777219 33554434.0 3.4028235e38 3.4028236e38 1e-45 1e-46 1e400 1.17549435e-38 00000000000000000001 9007199254740993 8388608.5 8388609.5`) {
		same(t, text)
	}
}

func same(t interface{ Errorf(string, ...any) }, text string) {
	if !json.Valid([]byte(text)) {
		return
	}
	want, err := strconv.ParseFloat(text, 32)
	var got Vector
	if failed := json.Unmarshal([]byte("["+text+" ,"+text+"]"), &got); (failed == nil) != (err == nil) {
		t.Errorf("%s: %v, want %v", text, failed, err)
		return
	}
	for _, g := range got {
		if math.Float32bits(g) != math.Float32bits(float32(want)) {
			t.Errorf("%s is read as %v, want %v", text, g, want)
		}
	}
}
