package analysis

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTerms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, language, text, want string }{
		{"English stems", "en", "The running dogs' houses were connected", "run dog hous connect"},
		{"contractions", "en", "It's John’s; don't, we'll", "john"},
		{"won and don are words", "en", "Don Quixote won", "don quixot won"},
		{"Spanish stems", "es", "¿Qué canciones cantó la niña?", "cancion cant nina"},
		{"without accents the same", "es", "cancion canto nina", "cancion cant nina"},
		{"Portuguese", "pt", "as nações e a nação", "naca naca"},
		{"French elision", "fr", "l'école d’hiver", "ecol hiv"},
		{"Italian elision", "it", "dell'economia", "econom"},
		{"German umlauts and ss", "de", "Müller Mueller Straße", "mull mull strass"},
		{"numbers keep their points", "en", "version 2.10.3 costs 1,000.", "version 2.10.3 cost 1,000"},
		{"dots and underscores part words", "", "www.example.com snake_case", "www example com snake case"},
		{"compatibility forms", "", "ﬁne ＡＢＣ", "fine abc"},
		{"composed as decomposed", "", "cafe\u0301 café", "cafe cafe"},
		{"letters that do not decompose", "", "Łódź smørrebrød Œuvre", "lodz smorrebrod oeuvre"},
		{"Chinese in pairs", "", "北京大学", "北 北京 京 京大 大 大学 学"},
		{"apart stay apart", "", "北 京", "北 京"},
		{"Japanese with Latin", "", "東京Tower", "東 東京 京 tower"},
		{"Korean in pairs", "", "한국어", "한 한국 국 국어 어"},
		{"Japanese voicing is no accent", "", "が", "が"},
		{"Hindi vowels are no accents", "", "हिन्दी", "हिन्दी"},
		{"Russian", "", "Ёлка ЁЖ", "елка еж"},
		{"Arabic without vowels", "", "كِتَاب", "كتاب"},
		{"codes are not stemmed", "en", "covid19s x86s", "covid19s x86s"},
		{"nothing", "en", " ?! \x00\xff", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(strings.Fields(c.want), For(c.language).Terms(c.text)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", c.text, diff)
			}
		})
	}
}

func TestTokensPointAtTheirText(t *testing.T) {
	t.Parallel()
	text := "¡Canción! L'école, ﬁn 北京"
	var got []string
	for _, token := range For("fr").Tokens(text) {
		got = append(got, token.Term+"="+text[token.Start:token.End])
	}
	want := []string{"cancion=Canción", "ecol=école", "fin=ﬁn", "北=北", "北京=北京", "京=京"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// hostile draws texts of any Unicode and of any bytes, with what makes analysis branch mixed in.
func hostile() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"l'eau", "’", "北京", "ﷺ", "İ", "ǅ", "3.", "1,2", "\u0301", "ー", "ｶﾞ", "\u200d", "ﬃ", "'", "dogs'"}),
	)
	return rapid.Map(rapid.SliceOf(piece), func(pieces []string) string { return strings.Join(pieces, "") })
}

func TestTermsAreBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := hostile().Draw(t, "text")
		a := For(rapid.SampledFrom(append(Languages(), "", "xx")).Draw(t, "language"))
		checkTokens(t, a, text)
	})
}

func checkTokens(t interface{ Fatalf(string, ...any) }, a *Analyzer, text string) {
	tokens := a.Tokens(text)
	terms := a.Terms(text)
	if len(tokens) != len(terms) {
		t.Fatalf("%d tokens but %d terms", len(tokens), len(terms))
	}
	for i, token := range tokens {
		s := token.Term
		if s != terms[i] || s == "" || !utf8.ValidString(s) || len(s) > 256 || utf8.RuneCountInString(s) > maxTermRunes || strings.ContainsRune(s, 0) {
			t.Fatalf("%q: term %q", text, s)
		}
		if token.Start < 0 || token.End <= token.Start || token.End > len(text) {
			t.Fatalf("%q: term %q at %d to %d", text, s, token.Start, token.End)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("¿Qué? l'eau 3.5 北京 \xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, language := range append(Languages(), "") {
			checkTokens(t, For(language), text)
		}
		Detect(text)
	})
}

func TestLongWordsAreCutAndFoundByThemselves(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ab", 5_000_000)
	got := For("en").Terms(long)
	if len(got) != 1 || len(got[0]) != maxTermRunes {
		t.Fatalf("%d terms", len(got))
	}
	if again := For("en").Terms(long[:1000]); !slices.Equal(again, got) {
		t.Errorf("its beginning gives %v", again)
	}
}

func TestMemoChangesNoTerm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var memo Memo
		for range rapid.IntRange(1, 6).Draw(t, "texts") {
			a := For(rapid.SampledFrom(append(Languages(), "")).Draw(t, "language"))
			text := hostile().Draw(t, "text") + " " + sample
			if diff := cmp.Diff(a.Terms(text), memo.Terms(a, text)); diff != "" {
				t.Fatalf("%q (-Terms +Memo):\n%s", text, diff)
			}
		}
	})
}

func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	var memo Memo
	a := For("en")
	for i := range 2 * maxKnown {
		word := "word" + strings.Repeat("x", i%7) + strconv.FormatInt(int64(i), 26)
		if diff := cmp.Diff(a.Terms(word), memo.Terms(a, word)); diff != "" {
			t.Fatal(diff)
		}
	}
	if n := len(memo.stemmers[a].known); n > maxKnown {
		t.Errorf("%d words are remembered", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	want := map[string][]string{}
	for _, language := range Languages() {
		want[language] = For(language).Terms(sample)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for language, terms := range want {
				if got := For(language).Terms(sample); !slices.Equal(got, terms) {
					t.Errorf("%s: %v", language, got)
				}
			}
		})
	}
	group.Wait()
}

const sample = "Las células madre embrionarias pueden diferenciarse en todos los tipos de células del cuerpo. " +
	"The ministers' décisions were connected: Straßenbahnen, nazioni e nações, l'eau d'été."

func BenchmarkTerms(b *testing.B) {
	text := strings.Repeat(sample+" ", 6) // about 150 words
	for _, language := range append(Languages(), "") {
		b.Run("language="+language, func(b *testing.B) {
			a := For(language)
			b.ReportAllocs()
			for b.Loop() {
				a.Terms(text)
			}
		})
	}
}
