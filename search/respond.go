package search

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/google/uuid"

	"lindero/search/lexical/analysis"
)

// hydrate reads the passages of the hits that the answer may need, under the tenant's own rights (wall 4), and
// drops what is not there. With grouping, only each document's best hit stays.
func (r *run) hydrate(ctx context.Context, hits []hit) ([]hit, error) {
	hits = r.above(hits)
	wanted := hits
	if !r.q.byDocument && len(hits) > r.q.wanted() {
		wanted = hits[:r.q.wanted()]
	}
	keys := make([]Key, len(wanted))
	for i, h := range wanted {
		keys[i] = h.key
	}
	passages, err := r.snapshot.Hydrate(ctx, keys, r.q.vectors())
	if err != nil {
		return nil, err
	}
	seen := map[uuid.UUID]bool{}
	kept := wanted[:0]
	for _, h := range wanted {
		passage, ok := passages[h.key]
		if !ok {
			staleCandidates.Inc()
			continue
		}
		if r.q.byDocument && seen[passage.DocumentKey] {
			continue
		}
		seen[passage.DocumentKey] = true
		h.passage = passage
		kept = append(kept, h)
	}
	return kept, nil
}

// above cuts the hits below the least score wanted; they come in descending order.
func (r *run) above(hits []hit) []hit {
	for i, h := range hits {
		if h.score < r.q.minScore {
			return hits[:i]
		}
	}
	return hits
}

func (r *run) respond(hits []hit) Response {
	hits = hits[min(r.q.offset, len(hits)):]
	hits = hits[:min(r.q.topK, len(hits))]
	response := Response{Results: make([]Result, len(hits)), Usage: r.usage, Warnings: r.warnings}
	for i, h := range hits {
		response.Results[i] = r.result(h)
	}
	if r.q.explain {
		r.explain.Mode = r.mode()
		response.Explain = &r.explain
	}
	return response
}

// mode is how the answer was found in the end.
func (r *run) mode() string {
	switch {
	case r.fused():
		return Hybrid
	case r.hasVectors():
		return Semantic
	}
	return Lexical
}

func (r *run) result(h hit) Result {
	p := h.passage
	result := Result{
		DocumentID: p.DocumentID, ChunkID: p.ChunkID.String(), Collection: r.targets[h.target].Collection.Name,
		Score: h.score, Scores: h.scores, Title: p.Title, URL: p.URL, Position: p.Position,
	}
	if r.q.include["text"] {
		result.Text = &p.Text
	}
	if r.q.include["metadata"] {
		result.Metadata = overlaid(p.Metadata, p.ChunkMetadata)
	}
	if r.q.include["highlights"] && r.q.query != "" {
		result.Highlights = highlights(p.Language, r.q.query, p.Text)
	}
	if r.q.include["vector"] {
		result.Vector = p.Vector
	}
	return result
}

// overlaid is a document's metadata with the chunk's own on top.
func overlaid(document, chunk json.RawMessage) json.RawMessage {
	if len(chunk) == 0 {
		return document
	}
	merged, own := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if json.Unmarshal(document, &merged) != nil || json.Unmarshal(chunk, &own) != nil {
		return document
	}
	maps.Copy(merged, own)
	both, err := json.Marshal(merged)
	if err != nil {
		return document
	}
	return both
}

// highlights are the words of text that match a term of the query, analysed as the document was.
func highlights(language, query, text string) []Highlight {
	terms := map[string]bool{}
	for _, term := range analysis.QueryTerms([]string{language}, query) {
		terms[term.Term] = true
	}
	var found []Highlight
	for _, token := range analysis.For(language).Tokens(text) {
		if terms[token.Term] {
			found = append(found, Highlight{Start: token.Start, End: token.End})
		}
	}
	return found
}
