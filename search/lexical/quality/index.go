// Package quality measures ranking quality on public test collections. It is imported by tests only.
package quality

import (
	"lindero/search/eval/beir"
	"lindero/search/lexical/analysis"
	"lindero/search/lexical/bm25"
	"lindero/search/lexical/codec"
)

// Auto is the language of an index that detects each document's language.
const Auto = "auto"

// segmentChunks is how many documents one segment of a test index holds.
const segmentChunks = 500

// Index is a lexical index in memory, one chunk a document.
type Index struct {
	ids        []string
	postings   map[string][]*bm25.Postings // by segment
	segments   int
	languages  []string
	statistics bm25.Statistics
	Parameters bm25.Parameters
}

// New indexes the documents' titles and texts in one language, or with Auto each in its own.
func New(documents []beir.Document, language string) (*Index, error) {
	x := &Index{postings: map[string][]*bm25.Postings{}, Parameters: bm25.Default}
	seen := map[string]bool{}
	var builder codec.Builder
	for i, d := range documents {
		text := Text(d)
		own := language
		if language == Auto {
			own = analysis.Detect(text)
		}
		if !seen[own] {
			seen[own] = true
			x.languages = append(x.languages, own)
		}
		if err := builder.Add(int64(i), analysis.For(own).Terms(text)); err != nil {
			return nil, err
		}
		x.ids = append(x.ids, d.ID)
		if (i+1)%segmentChunks == 0 || i+1 == len(documents) {
			if err := x.take(builder.Build()); err != nil {
				return nil, err
			}
		}
	}
	return x, nil
}

// Text is what is indexed of a document.
func Text(d beir.Document) string { return d.Title + "\n" + d.Text }

func (x *Index) take(s codec.Segment) error {
	x.statistics.Chunks += int64(s.Chunks)
	x.statistics.Tokens += s.Tokens
	for _, p := range s.Postings {
		postings, err := bm25.Decode(p.Block)
		if err != nil {
			return err
		}
		missing := make([]*bm25.Postings, x.segments-len(x.postings[p.Term]))
		x.postings[p.Term] = append(append(x.postings[p.Term], missing...), postings)
	}
	x.segments++
	return nil
}

// Search returns the ids of the best documents, best first, and the share of the query's terms known.
func (x *Index) Search(query string, limit int) (ids []string, known float64) {
	terms := analysis.QueryTerms(x.languages, query)
	q := bm25.Query{Statistics: x.statistics, Parameters: x.Parameters, Limit: limit, Terms: make([]bm25.Term, len(terms))}
	for i, term := range terms {
		postings := x.postings[term.Term]
		q.Terms[i] = bm25.Term{Count: term.Count, Postings: postings, Frequency: bm25.Frequency(postings, nil)}
	}
	result := bm25.Search(q)
	for _, hit := range result.Hits {
		ids = append(ids, x.ids[hit.Ordinal])
	}
	return ids, result.Known()
}
