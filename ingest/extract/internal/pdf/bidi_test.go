package pdf

import "testing"

// together are fonts in which the characters at these indexes and the next form one sign.
type together map[int]bool

func (t together) height(int) float64      { return 12 }
func (t together) bold(int) bool           { return false }
func (t together) samePlace(a, _ int) bool { return t[a] }

func TestRightToLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		f    together
		want string
	}{
		{"plain text", nil, "plain text"},
		{"ال", nil, "ال"},
		{"اإلنتاجية", together{8: true}, "الإنتاجية"},
		{"المشكالت", together{12: true}, "المشكلات"},
		{"وPython", nil, "و Python"},
		{"Pythonمن", nil, "Python من"},
		{"ا", together{7: true}, "ا"},
	} {
		if got := rightToLeft(c.line, 7, c.f); got != c.want {
			t.Errorf("%q: got %q, want %q", c.line, got, c.want)
		}
	}
}
