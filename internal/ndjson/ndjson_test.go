package ndjson_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"lindero/internal/ndjson"
)

// TestLinesAreWhatSplittingGives compares with strings.SplitAfter, over lines around the limit and around the size
// of the buffer.
func TestLinesAreWhatSplittingGives(t *testing.T) {
	t.Parallel()
	const limit = 70_000
	lengths := rapid.SampledFrom([]int{0, 1, 5, 65_535, 65_536, 65_537, limit - 1, limit, limit + 1, 3 * limit})
	rapid.Check(t, func(t *rapid.T) {
		var text string
		for _, n := range rapid.SliceOfN(lengths, 0, 5).Draw(t, "lengths") {
			text += strings.Repeat("x", n) + "\n"
		}
		text += strings.Repeat("y", lengths.Draw(t, "last"))
		var source io.Reader = strings.NewReader(text)
		if rapid.Bool().Draw(t, "halves") {
			source = iotest.HalfReader(source)
		}
		reader := ndjson.NewReader(source, limit)
		lines := strings.SplitAfter(text, "\n")
		for i, want := range lines {
			line, taken, err := reader.Next()
			if got := errors.Is(err, ndjson.ErrTooLong); got != (len(want) > limit) {
				t.Fatalf("line %d of %d bytes too long: %v", i, len(want), got)
			}
			if len(want) <= limit && string(line) != want {
				t.Fatalf("line %d has %d bytes, want %d", i, len(line), len(want))
			}
			if int(taken) != len(want) {
				t.Fatalf("line %d took %d bytes, want %d", i, taken, len(want))
			}
			if got := errors.Is(err, io.EOF); got != (i == len(lines)-1) {
				t.Fatalf("end of the stream at line %d of %d: %v", i+1, len(lines), err)
			}
		}
	})
}

func TestBrokenStream(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	reader := ndjson.NewReader(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), 100)
	if line, _, err := reader.Next(); string(line) != "a\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	if _, _, err := reader.Next(); !errors.Is(err, broken) || errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
}
