package analysis

import "slices"

// Memo analyses the texts of one batch. Words recur, and stemming is the dearest part of analysis, so the term of a word
// that was met before is not worked out again, and lies in memory once. The zero value is ready. It is for one
// goroutine, and for the texts of one tenant: what it remembers is theirs.
type Memo struct {
	stemmers map[*Analyzer]*stemmer
	terms    []string // of the current text
}

// Terms is a.Terms(text).
func (m *Memo) Terms(a *Analyzer, text string) []string {
	stem := m.stemmers[a]
	if stem == nil {
		if m.stemmers == nil {
			m.stemmers = map[*Analyzer]*stemmer{}
		}
		stem = newStemmer(a.stemmers)
		stem.known = map[string]string{}
		m.stemmers[a] = stem
	}
	m.terms = m.terms[:0]
	a.each(text, nil, stem, func(t Token) { m.terms = append(m.terms, t.Term) })
	return slices.Clone(m.terms)
}
