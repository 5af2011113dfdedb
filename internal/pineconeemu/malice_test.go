package pineconeemu

import (
	"math"
	"slices"
	"testing"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
)

func TestMalice(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 2)
	for id, namespace := range map[string]string{"mine-1": "own", "mine-2": "own", "theirs-1": "other", "theirs-2": "other"} {
		upsert(t, conn.WithNamespace(namespace), record(t, id, []float32{1, 1}, map[string]any{"owner": namespace}))
	}
	honest := []string{"mine-1", "mine-2"}
	foreign := func(id string) bool { return id == "theirs-1" || id == "theirs-2" }
	for _, c := range []struct {
		malice Malice
		lies   func(ids []string, matches []*pinecone.ScoredVector) bool
	}{
		{0, func(ids []string, _ []*pinecone.ScoredVector) bool { return slices.Equal(ids, honest) }},
		{ForeignRecords, func(ids []string, m []*pinecone.ScoredVector) bool {
			return slices.ContainsFunc(ids, foreign) && m[0].Vector.Metadata.AsMap()["owner"] == "other" && m[0].Score == 1
		}},
		{ForeignIDs, func(ids []string, m []*pinecone.ScoredVector) bool {
			return foreign(ids[0]) && m[0].Vector.Metadata.AsMap()["owner"] == "own" && len(ids) == 2
		}},
		{ForeignFields, func(ids []string, m []*pinecone.ScoredVector) bool {
			return slices.Equal(ids, honest) && m[0].Vector.Metadata.AsMap()["owner"] == "other"
		}},
		{UnknownIDs, func(ids []string, _ []*pinecone.ScoredVector) bool {
			return len(ids) == 4 && !slices.Contains(honest, ids[3]) && !foreign(ids[3])
		}},
		{GarbageIDs, func(ids []string, _ []*pinecone.ScoredVector) bool {
			return slices.Contains(ids, "") && slices.Contains(ids, "\x00")
		}},
		{WrongScores, func(_ []string, m []*pinecone.ScoredVector) bool {
			return math.Abs(float64(m[0].Score)) > 1 && math.Abs(float64(m[1].Score)) > 1
		}},
		{NotFinite, func(_ []string, m []*pinecone.ScoredVector) bool {
			return m[0].Score != m[0].Score && math.IsInf(float64(m[1].Score), 1)
		}},
		{Duplicates, func(ids []string, _ []*pinecone.ScoredVector) bool { return len(ids) == 6 && ids[0] == ids[2] }},
		{Flood, func(ids []string, _ []*pinecone.ScoredVector) bool { return len(ids) == 10_000 }},
		{Flood | Duplicates, func(ids []string, _ []*pinecone.ScoredVector) bool { return len(ids) == 10_000 }},
		{EveryMalice, func(ids []string, m []*pinecone.ScoredVector) bool {
			return slices.ContainsFunc(ids, foreign) && slices.Contains(ids, "") && m[0].Score != m[0].Score
		}},
	} {
		e.SetMalice(c.malice)
		answer, err := conn.QueryByVectorValues(t.Context(), &pinecone.QueryByVectorValuesRequest{Vector: []float32{1, 1}, TopK: 10, IncludeMetadata: true})
		if err != nil {
			t.Fatalf("%b: %v", c.malice, err)
		}
		if !c.lies(idsOf(answer.Matches), answer.Matches) {
			t.Errorf("%b: %d matches, the first ids %.10q", c.malice, len(answer.Matches), idsOf(answer.Matches))
		}
	}
}

func TestMaliceSparesWhatIsStored(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 2)
	upsert(t, conn, record(t, "mine", []float32{1, 1}, map[string]any{"owner": "own"}))
	upsert(t, conn.WithNamespace("other"), record(t, "theirs", []float32{1, 1}, map[string]any{"owner": "other"}))
	e.SetMalice(EveryMalice)
	query(t, conn, []float32{1, 1}, 10)
	e.SetMalice(0)
	if got := idsOf(query(t, conn, []float32{1, 1}, 10)); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("afterwards %v", got)
	}
	if stored := e.Vectors("test", "own"); len(stored) != 1 || stored[0].Metadata["owner"] != "own" {
		t.Errorf("stored %+v", stored)
	}
}
