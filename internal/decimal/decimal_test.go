package decimal

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// agree checks one text against strconv: what Float32At takes has the same bits, and what it takes is a JSON number.
func agree(t interface{ Fatalf(string, ...any) }, text string) (taken bool) {
	f, end, ok := Float32At([]byte(text), 0)
	if !ok {
		return false
	}
	want, err := strconv.ParseFloat(text[:end], 32)
	if err != nil || math.Float32bits(float32(want)) != math.Float32bits(f) {
		t.Fatalf("%s: %v (%b), want %v (%v)", text, f, math.Float32bits(f), float32(want), err)
	}
	return true
}

func TestFloat32At(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0", "-0", "0.0", "1", "-1.5", "0.1", "1e5", "1E-5", "-2.5e+3", "0.000000000000000001", "16777218", "9007199254740993",
		"1e22", "1234567890123456789",
	} {
		if !agree(t, text) {
			t.Errorf("%s was left to strconv", text)
		}
	}
	for _, text := range []string{"", "-", "01", "1.", ".5", "1e", "1e+", "-x", "1e1000", "3.3e38", "16777217", "16777217.0000000001", "1e-23", "12345678901234567890", "+1"} {
		if _, _, ok := Float32At([]byte(text+" "), 0); ok {
			t.Errorf("%q was taken", text)
		}
	}
	if _, end, ok := Float32At([]byte("[0.25,1]"), 1); !ok || end != 5 {
		t.Errorf("ended at %d", end)
	}
}

func TestFloat32AtAgreesWithStrconv(t *testing.T) {
	t.Parallel()
	formats := rapid.SampledFrom([]byte{'e', 'f', 'g'})
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float32Range(-4, 4).Draw(t, "f")
		format := formats.Draw(t, "format")
		if agree(t, strconv.FormatFloat(float64(f), format, -1, 32)) {
			taken++
		}
		agree(t, strconv.FormatFloat(rapid.Float64().Draw(t, "d"), format, -1, 64))
		agree(t, strconv.FormatFloat(rapid.Float64Range(-1, 1).Draw(t, "part"), format, rapid.IntRange(-1, 18).Draw(t, "digits"), 64))
		agree(t, rapid.StringMatching(`-?[0-9]{0,12}\.?[0-9]{0,12}([eE][+-]?[0-9]{0,3})?`).Draw(t, "text")+" ")
		// The middle between two neighbours, and a little beside it.
		middle := (float64(f) + float64(math.Nextafter32(f, 5))) / 2
		text := strconv.FormatFloat(middle, 'f', -1, 64)
		agree(t, text)
		agree(t, text[:max(1, len(text)-1)]+strings.Repeat("0", 3))
		agree(t, text+"1")
	})
	if taken == 0 {
		t.Error("every number was left to strconv")
	}
}
