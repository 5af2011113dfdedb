package ndjson_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"lindero/internal/ndjson"
)

func FuzzReader(f *testing.F) {
	f.Add([]byte("{}\n{\"a\":1}\n\nlonger than the limit\nend"), uint8(10))
	f.Fuzz(func(t *testing.T, data []byte, limit uint8) {
		reader := ndjson.NewReader(bytes.NewReader(data), int64(limit))
		var all int64
		for {
			line, taken, err := reader.Next()
			if len(line) > int(limit) {
				t.Fatalf("a line of %d bytes, the limit is %d", len(line), limit)
			}
			if all += taken; errors.Is(err, io.EOF) {
				break
			}
		}
		if all != int64(len(data)) {
			t.Fatalf("took %d bytes of %d", all, len(data))
		}
	})
}
