package extract

import (
	"context"
	"testing"
	"time"

	"lindero/fault"
)

// TestTruncatedAndDamagedFiles cuts a file of each format at many places, and turns bytes of it around. Every piece
// is read or gets one of the codes of documents, and the whole file is read the same after them.
func TestTruncatedAndDamagedFiles(t *testing.T) {
	t.Parallel()
	codes := map[fault.Code]bool{"": true, fault.UnsupportedMediaType: true, fault.Encrypted: true, fault.NoText: true, fault.Damaged: true, fault.TooLarge: true}
	for name, whole := range referring(t, "http://127.0.0.1:1") {
		before, _ := Extract(context.Background(), whole)
		for i := range 40 {
			cut, turned := whole, whole
			at := len(whole.Data) * i / 40
			cut.Data = whole.Data[:at]
			turned.Data = append([]byte(nil), whole.Data...)
			turned.Data[at] ^= byte(1 << (i % 8))
			for _, in := range []Input{cut, turned} {
				in.Limits.Time = 30 * time.Second
				if _, err := Extract(context.Background(), in); !codes[fault.CodeOf(err)] {
					t.Errorf("%s at %d of %d: %v", name, at, len(whole.Data), err)
				}
			}
		}
		if after, _ := Extract(context.Background(), whole); after.Text != before.Text {
			t.Errorf("%s: %q became %q", name, before.Text, after.Text)
		}
	}
}
