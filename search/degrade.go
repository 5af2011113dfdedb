package search

import "lindero/search/lexical/analysis"

// degrade gives up the vector legs whose index could not be asked, with a warning for each collection. It reports
// whether the search must be run again: a semantic one goes on by words, and one without words scans the record,
// which is slow and right.
func (r *run) degrade() (again bool) {
	for i, found := range r.snapshot.Retrieved() {
		target := &r.targets[i]
		if found.Unavailable == nil || target.Vector == nil {
			continue
		}
		r.service.cfg.Log.Warn("a vector index could not be asked", "tenant", r.tenant, "collection", target.Collection.ID, "error", found.Unavailable)
		degradedSearches.Inc()
		name := target.Collection.Name
		switch {
		case len(target.Terms) > 0:
			target.Vector = nil
			r.warn("vectors_unavailable", "the vector index of collection "+name+" could not be asked: it was searched by words only")
		case r.q.query != "":
			target.Vector, target.Terms = nil, analysis.QueryTerms(languagesOf(target.Collection), r.q.query)
			again = true
			r.warn("vectors_unavailable", "the vector index of collection "+name+" could not be asked: it was searched by words instead")
		default:
			target.Exact = true
			again = true
			r.warn("vectors_unavailable", "the vector index of collection "+name+" could not be asked: its vectors were scanned one by one instead")
		}
	}
	return again
}
