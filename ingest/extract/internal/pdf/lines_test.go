package pdf

import (
	"strings"
	"testing"
)

func FuzzLines(f *testing.F) {
	f.Add("A line\r\nاإلنتاجية and Python\r\n\U0001f600")
	f.Fuzz(func(t *testing.T, text string) {
		all := lines(text, together{3: true, 8: true, 9: true})
		if got, want := len(all), strings.Count(text, "\n")+1; got != want && text != "" && !strings.HasSuffix(text, "\n") {
			t.Errorf("%d lines of %d", got, want)
		}
	})
}
