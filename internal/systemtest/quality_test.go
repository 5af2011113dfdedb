package systemtest

import (
	"testing"

	"lindero/internal/evaldata"
	"lindero/search"
	"lindero/search/eval"
	"lindero/search/eval/beir"
)

// TestQuality measures ranking through the whole system: documents accepted, indexed by the workers, searched.
// The floors are the issue's; recall may differ from the plain BM25 reference by .01.
func TestQuality(t *testing.T) {
	for _, want := range []struct {
		set          string
		ndcg, recall float64
		every        int // of so many queries one is asked; 0: all
	}{
		{set: "scifact", ndcg: .680, recall: .928},
		{set: "cranfield", ndcg: .505, recall: .767},
		{set: "cisi", ndcg: .400, recall: .458},
		{set: "squad_es", ndcg: .815, recall: .984, every: 10},
	} {
		t.Run(want.set, func(t *testing.T) {
			c := evaldata.Collection(t, want.set)
			s := New(t)
			tenant := s.Tenant(t, Builtin)
			s.Load(t, tenant, c.Documents)
			queries := everyNth(c.Queries, max(1, want.every))
			var lexical, hybrid, recall []float64
			hundred := 100
			for _, q := range queries {
				found := s.IDs(t, tenant, search.Request{Query: q.Text, Mode: search.Lexical, TopK: &hundred, Include: []string{}})
				lexical = append(lexical, eval.NDCG(found, q.Judged, 10))
				recall = append(recall, eval.Recall(found, q.Judged, 100))
				hybrid = append(hybrid, eval.NDCG(s.IDs(t, tenant, search.Request{Query: q.Text, Include: []string{}}), q.Judged, 10))
			}
			t.Logf("%s: %d queries, lexical nDCG@10 %.4f, Recall@100 %.4f, hybrid nDCG@10 %.4f",
				want.set, len(queries), eval.Mean(lexical), eval.Mean(recall), eval.Mean(hybrid))
			if got := eval.Mean(lexical); got < want.ndcg {
				t.Errorf("nDCG@10 is %.4f, at least %.3f wanted", got, want.ndcg)
			}
			if got := eval.Mean(recall); want.every == 0 && got < want.recall-.01 {
				t.Errorf("Recall@100 is %.4f, at least %.3f wanted", got, want.recall-.01)
			}
			if eval.Mean(hybrid) < eval.Mean(lexical)-.005 {
				t.Errorf("hybrid loses %.4f against lexical", eval.Mean(lexical)-eval.Mean(hybrid))
			}
		})
	}
}

func everyNth(queries []beir.Query, n int) []beir.Query {
	var some []beir.Query
	for i := 0; i < len(queries); i += n {
		some = append(some, queries[i])
	}
	return some
}
