package storetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"

	"lindero/embed"
	"lindero/search"
	"lindero/search/lexical/analysis"
	"lindero/store"
	"lindero/store/filter"
	"lindero/store/queue"
)

// doc is a document of one passage.
type doc struct {
	id       string
	text     string
	vector   []float32 // unit length
	metadata map[string]any
}

var corpusWords = []string{"harbour", "lantern", "orchard", "violin", "granite", "meadow", "compass", "saddle", "copper", "willow"}

// corpus is n documents that are the same for the same seed: vectors in loose clusters, texts of a few words,
// metadata of every type.
func corpus(n int, seed uint64) []doc {
	random := rand.New(rand.NewPCG(seed, 17))
	centres := make([][]float32, 12)
	for i := range centres {
		centres[i] = randomVector(random, nil)
	}
	docs := make([]doc, n)
	for i := range docs {
		docs[i] = doc{
			id:     fmt.Sprintf("doc-%05d", i),
			text:   fmt.Sprintf("%s %s number %d", corpusWords[random.IntN(len(corpusWords))], corpusWords[random.IntN(len(corpusWords))], i),
			vector: randomVector(random, centres[random.IntN(len(centres))]),
			metadata: map[string]any{
				"n": float64(i), "half": i%2 == 0, "kind": []string{"letter", "bill", "map"}[i%3],
				"tags": []any{corpusWords[i%10], corpusWords[(i*7+1)%10]},
			},
		}
		if i%5 == 0 {
			docs[i].metadata["rare"] = fmt.Sprintf("r%d", i%50)
		}
		if i%100 == 7 {
			docs[i].metadata["needle"] = "yes"
		}
	}
	return docs
}

// randomVector is of unit length, near the centre where one is given.
func randomVector(random *rand.Rand, centre []float32) []float32 {
	v := make([]float32, Dimensions)
	for i := range v {
		v[i] = float32(random.NormFloat64())
		if centre != nil {
			v[i] = centre[i] + v[i]/8
		}
	}
	if err := embed.Normalize(v); err != nil {
		panic(err)
	}
	return v
}

// cosine is of two vectors of unit length, in float64.
func cosine(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// nearest ranks those documents that match by cosine similarity.
func nearest(docs []doc, vector []float32, match func(*doc) bool) []doc {
	var kept []doc
	for i := range docs {
		if match == nil || match(&docs[i]) {
			kept = append(kept, docs[i])
		}
	}
	slices.SortStableFunc(kept, func(a, b doc) int { return cmp.Compare(cosine(b.vector, vector), cosine(a.vector, vector)) })
	return kept
}

func (d *doc) matches(e filter.Expr) bool {
	return filter.Match(e, &filter.Document{ID: d.id, Metadata: d.metadata})
}

// write accepts and publishes documents in the tenant's collection, as ingestion would.
func (r *resident) write(docs ...doc) {
	r.Helper()
	for batch := range slices.Chunk(docs, 500) {
		accepted := make([]store.NewDocument, len(batch))
		for i, d := range batch {
			metadata, err := json.Marshal(d.metadata)
			r.must(err)
			if d.metadata == nil {
				metadata = []byte(`{}`)
			}
			accepted[i] = store.NewDocument{ID: d.id, Payload: store.Payload{
				ContentType: "application/json", Metadata: metadata, Parts: []store.Part{{Text: d.text, Vector: d.vector}},
			}}
		}
		_, err := r.Handle.AcceptDocuments(r.Context(), r.Collection, accepted, store.AcceptOptions{})
		r.must(err)
		r.publish()
	}
}

// publish works off all that is due.
func (r *resident) publish() {
	r.Helper()
	turn := store.Turn{Queue: queue.Ingest, Worker: uuid.New()}
	if _, err := r.Handle.BeginTurn(r.Context(), turn); err != nil {
		r.Fatal(err)
	}
	for {
		work, err := r.Handle.ClaimWork(r.Context(), turn, []store.Class{store.Single, store.Bulk}, store.WorkLimit{Items: 1000, Bytes: 1 << 30, Suspects: 30})
		r.must(err)
		if len(work.Items) == 0 {
			return
		}
		_, err = r.Handle.Publish(r.Context(), work.Collection, prepare(work.Items))
		r.must(err)
	}
}

func prepare(items []store.WorkItem) []store.Prepared {
	analyzer := analysis.For("en")
	prepared := make([]store.Prepared, len(items))
	for i, item := range items {
		part := item.Payload.Parts[0]
		prepared[i] = store.Prepared{Item: item, Language: "en", Metadata: item.Payload.Metadata, Passages: []store.Passage{{
			Text: part.Text, End: len(part.Text), Vector: part.Vector, Terms: analyzer.Terms(part.Text),
		}}}
	}
	return prepared
}

// semantic is a vector search for so many results.
func semantic(vector []float32, topK int) search.Request {
	return search.Request{Vector: vector, Mode: search.Semantic, TopK: &topK}
}

func ids(r search.Response) []string {
	found := make([]string, len(r.Results))
	for i, result := range r.Results {
		found[i] = result.DocumentID
	}
	return found
}

// scoreError is what rounding to half floats may cost a score.
const scoreError = 2e-3

// agree compares an answer with the truth: as many results as there are up to top k, no document twice, the truth's
// own scores in descending order, and at least share of the truth's documents.
func (w *world) agree(what string, got search.Response, truth []doc, vector []float32, topK int, share float64) {
	w.Helper()
	want := truth[:min(topK, len(truth))]
	if len(got.Results) != len(want) {
		w.Errorf("%s: %d results, want %d", what, len(got.Results), len(want))
		return
	}
	byID := map[string]*doc{}
	for i := range truth {
		byID[truth[i].id] = &truth[i]
	}
	least := math.Inf(-1)
	if len(want) > 0 {
		least = cosine(want[len(want)-1].vector, vector) - scoreError
	}
	hits, last := 0, math.Inf(1)
	for _, result := range got.Results {
		d := byID[result.DocumentID]
		switch {
		case d == nil:
			w.Errorf("%s: %s must not be there, or not twice", what, result.DocumentID)
			return
		case math.Abs(result.Score-cosine(d.vector, vector)) > scoreError:
			w.Errorf("%s: %s has the score %.5f, in truth %.5f", what, d.id, result.Score, cosine(d.vector, vector))
		case result.Score > last:
			w.Errorf("%s: %s is out of order", what, d.id)
		}
		if result.Score >= least {
			hits++
		}
		last = result.Score
		delete(byID, d.id)
	}
	if float64(hits) < share*float64(len(want)) {
		w.Errorf("%s: %d of %d results are among the nearest", what, hits, len(want))
	}
}
