package chunk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tiktoken-go/tokenizer"
	"pgregory.net/rapid"

	"lindero/internal/evaldata"
)

var samples = map[string]string{
	"english":  "The boundary line between two properties is drawn on a plan, and nothing ever crosses from one tenant to another. Extraordinary circumstances require internationally coordinated responses.",
	"spanish":  "El límite entre dos propiedades se dibuja sobre un plano, y nada pasa jamás de un inquilino a otro. Las circunstancias extraordinarias exigen además respuestas internacionalmente coordinadas.",
	"german":   "Die Grundstücksgrenze zwischen zwei Eigentümern wird im Flurplan verzeichnet; Straßenverkehrsordnung und Aufenthaltsgenehmigung bleiben unberührt.",
	"russian":  "Граница между двумя участками нанесена на план, и ничто не переходит от одного арендатора к другому.",
	"chinese":  "两块地产之间的界线画在平面图上，任何东西都不会从一个租户转移到另一个租户。",
	"japanese": "二つの土地の境界線は図面に描かれており、ある借主から別の借主へ何かが渡ることはない。",
	"code":     "func (p *pageFinder) at(offset int) int {\n\tfor p.next+1 < len(p.blocks) {\n\t\tp.next++\n\t}\n\treturn p.blocks[p.next].Page\n}",
	"table":    "| 2024-01-31 | 1,234.56 | EUR | paid |\n| 2024-02-29 | 99.00 | USD | open |",
}

// TestCountAgainstTokenizer holds the estimate between 0.75 and 1.5 times the count of cl100k_base, per sample, and
// prints the figures.
func TestCountAgainstTokenizer(t *testing.T) {
	codec, err := tokenizer.Get(tokenizer.Cl100kBase)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range samples {
		want, err := codec.Count(text)
		if err != nil {
			t.Fatal(err)
		}
		ratio := float64(Count(text)) / float64(want)
		t.Logf("%-9s %4d tokens, estimate %4d, ratio %.2f", name, want, Count(text), ratio)
		if ratio < 0.75 || ratio > 1.5 {
			t.Errorf("%s: estimate is %.2f times the tokenizer's count, want 0.75 to 1.5", name, ratio)
		}
	}
}

// TestCountOnRealPages does the same for Spanish Markdown pages.
func TestCountOnRealPages(t *testing.T) {
	dir := evaldata.Dir(t, "corpus_react_es")
	codec, err := tokenizer.Get(tokenizer.Cl100kBase)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "versions.md"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := codec.Count(string(data))
	if err != nil {
		t.Fatal(err)
	}
	if ratio := float64(Count(string(data))) / float64(want); ratio < 0.95 || ratio > 1.6 {
		t.Errorf("estimate is %.2f times the tokenizer's count", ratio)
	}
}

func TestCountIsSubadditive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text") + rapid.StringMatching(`[a-z0-9é ,.]*`).Draw(t, "more")
		for cut := range text {
			if Count(text) > Count(text[:cut])+Count(text[cut:]) {
				t.Fatalf("%q costs more than its parts at %d", text, cut)
			}
		}
	})
}

func BenchmarkCount(b *testing.B) {
	text := strings.Repeat(samples["english"]+" "+samples["spanish"]+"\n", 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Count(text)
	}
}
