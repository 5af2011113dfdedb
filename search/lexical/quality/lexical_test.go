package quality

import (
	"math"
	"testing"

	"lindero/internal/evaldata"
	"lindero/search/eval"
)

// floor is what lexical search must reach on a test collection. Recall is that of the reference BM25 in
// the evaluation data's README, to be met within .01.
type floor struct {
	set, language string
	ndcg, recall  float64
}

var floors = []floor{
	{"scifact", "en", .680, .928},
	{"cranfield", "en", .505, .767},
	{"cisi", "en", .400, .458},
	{"squad_es", "es", .815, .984},
	{"xquad_es", "es", .955, .996},
	{"xquad_en", "en", .960, .995},
}

func TestLexicalQuality(t *testing.T) {
	t.Parallel()
	for _, f := range floors {
		t.Run(f.set, func(t *testing.T) {
			t.Parallel()
			declared, recall := measure(t, f.set, f.language)
			t.Logf("%s: nDCG@10 %.4f, Recall@100 %.4f", f.language, declared, recall)
			if declared < f.ndcg {
				t.Errorf("nDCG@10 %.4f, want at least %.3f", declared, f.ndcg)
			}
			if math.Abs(recall-f.recall) > .01 && recall < f.recall {
				t.Errorf("Recall@100 %.4f, want %.3f within .01", recall, f.recall)
			}
			auto, autoRecall := measure(t, f.set, Auto)
			t.Logf("auto: nDCG@10 %.4f, Recall@100 %.4f", auto, autoRecall)
			if auto < declared-.005 {
				t.Errorf("detecting the language costs %.4f nDCG@10, more than .005", declared-auto)
			}
		})
	}
}

func measure(t *testing.T, set, language string) (ndcg, recall float64) {
	t.Helper()
	collection := evaldata.Collection(t, set)
	index, err := New(collection.Documents, language)
	if err != nil {
		t.Fatal(err)
	}
	var gains, recalls []float64
	for _, q := range collection.Queries {
		ids, _ := index.Search(q.Text, 100)
		gains = append(gains, eval.NDCG(ids, q.Judged, 10))
		recalls = append(recalls, eval.Recall(ids, q.Judged, 100))
	}
	return eval.Mean(gains), eval.Mean(recalls)
}
