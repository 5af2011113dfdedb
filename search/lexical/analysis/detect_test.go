package analysis

import (
	"slices"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"¿Qué equipo de la NFL representó a la AFC?":                 "es",
		"Which team did the NFL send?":                               "en",
		"Onde fica a capital do Brasil e quando foi fundada?":        "pt",
		"Quelle est la capitale de la France et de ses régions ?":    "fr",
		"Wie heißt die Hauptstadt von Deutschland und wo liegt sie?": "de",
		"Qual è la capitale della Lombardia e dove si trova?":        "it",
		"Router X200": "",
		"":            "",
		"北京大学的历史很长，学生也很多。北京大学的历史很长，学生也很多。北京大学的历史很长，学生也很多。北京大学的历史很长，学生也很多。":               "",
		"Москва — столица России, город федерального значения и административный центр.": "",
	} {
		if got := Detect(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestDetectLooksAtABoundedPart(t *testing.T) {
	t.Parallel()
	if got := Detect(strings.Repeat("the house of the people ", 200) + strings.Repeat("la casa de la gente ", 9999)); got != "en" {
		t.Errorf("got %q", got)
	}
}

func terms(list []QueryTerm) (names []string) {
	for _, t := range list {
		names = append(names, t.Term)
	}
	return names
}

func TestQueryTerms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		languages []string
		text      string
		want      string
	}{
		{[]string{"en"}, "the running dogs run", "run dog"},
		{[]string{"es", "en"}, "the houses of the dogs", "hous dog dogs"},
		{[]string{"es", "en"}, "las casas de los perros", "casa perro cas perr"},
		{[]string{"es", "en", "es", ""}, "running", "running run"},
		{[]string{"en", "de"}, "how did he die", "die"}, // the German article is an English word
		{[]string{"en", "de"}, "wie die Katze schläft", "katz schlaft"},
		{[]string{"es", "en"}, "the of", "the of"}, // nothing but stop words: Spanish documents may have them
		{nil, "anything", ""},
	} {
		if got := terms(QueryTerms(c.languages, c.text)); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%v %q: %q, want %q", c.languages, c.text, got, c.want)
		}
	}
}

func TestQueryTermsCountRepetition(t *testing.T) {
	t.Parallel()
	got := QueryTerms([]string{"", "en"}, "titles of titled title")
	want := []QueryTerm{{"titles", 1}, {"of", 1}, {"titled", 1}, {"title", 1}, {"titl", 3}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func BenchmarkDetect(b *testing.B) {
	text := strings.Repeat(sample+" ", 6)
	b.ReportAllocs()
	for b.Loop() {
		Detect(text)
	}
}
