package pineconeemu

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"
)

// model is what a namespace should hold: the metadata of each id, nil for an absent namespace.
type model map[string]map[string]any

// TestRandomOperationsAgreeWithAModel runs random writes, held and released at random, in two namespaces beside a
// map of maps, over the wire, and checks that what is accepted is the model's and what is visible an earlier state of it.
func TestRandomOperationsAgreeWithAModel(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 2)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		names := []string{fmt.Sprint("a-", run), fmt.Sprint("b-", run)}
		accepted := map[string]model{}
		visible := map[string]model{}
		held := false
		r.Repeat(map[string]func(*rapid.T){
			"write": func(r *rapid.T) {
				name := rapid.SampledFrom(names).Draw(r, "namespace")
				own := conn.WithNamespace(name)
				after, code, err := randomWrite(t, r, own, accepted[name])
				if got := status.Code(err); got != code {
					r.Fatalf("code %s, want %s: %v", got, code, err)
				}
				accepted[name] = after
			},
			"hold": func(*rapid.T) {
				held = true
				e.SetVisibility(Visibility{Hold: true})
			},
			"release": func(*rapid.T) {
				held = false
				e.SetVisibility(Visibility{})
				e.Release()
			},
			"": func(r *rapid.T) {
				for _, name := range names {
					if !held {
						visible[name] = accepted[name]
					}
					checkModel(t, r, e, conn.WithNamespace(name), accepted[name], visible[name])
				}
			},
		})
		e.SetVisibility(Visibility{})
		e.Release()
	})
}

// randomWrite returns the model after a write and the code the write should have.
func randomWrite(t *testing.T, r *rapid.T, conn *pinecone.IndexConnection, before model) (model, codes.Code, error) {
	id := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(r, "id")
	value := rapid.SampledFrom([]any{1.0, 2.0}).Draw(r, "value")
	where, err := pinecone.NewMetadataFilter(map[string]any{"f": value})
	if err != nil {
		t.Fatal(err)
	}
	after := maps.Clone(before)
	operation := rapid.SampledFrom([]string{"upsert", "upsert", "delete", "where", "all", "drop", "update", "create"}).Draw(r, "operation")
	switch {
	case operation == "upsert":
		if after == nil {
			after = model{}
		}
		after[id] = map[string]any{"f": value}
		_, err := conn.UpsertVectors(t.Context(), []*pinecone.Vector{record(t, id, []float32{1, 1}, after[id])})
		return after, codes.OK, err
	case operation == "create":
		_, err := conn.CreateNamespace(t.Context(), &pinecone.CreateNamespaceParams{Name: conn.Namespace()})
		if before != nil {
			return before, codes.AlreadyExists, err
		}
		return model{}, codes.OK, err
	}
	switch operation {
	case "delete":
		delete(after, id)
		err = conn.DeleteVectorsById(t.Context(), []string{id})
	case "where":
		maps.DeleteFunc(after, func(_ string, fields map[string]any) bool { return fields["f"] == value })
		err = conn.DeleteVectorsByFilter(t.Context(), where)
	case "all":
		after, err = nil, conn.DeleteAllVectorsInNamespace(t.Context())
	case "drop":
		after, err = nil, conn.DeleteNamespace(t.Context(), conn.Namespace())
	case "update":
		if old, ok := after[id]; ok {
			after[id] = maps.Clone(old)
			after[id]["g"] = value
		}
		set, _ := pinecone.NewMetadata(map[string]any{"g": value})
		err = conn.UpdateVector(t.Context(), &pinecone.UpdateVectorRequest{Id: id, Metadata: set})
	}
	if before == nil {
		return nil, codes.NotFound, err
	}
	return after, codes.OK, err
}

func checkModel(t *testing.T, r *rapid.T, e *Emulator, conn *pinecone.IndexConnection, accepted, visible model) {
	if got := slices.Contains(e.Namespaces("test"), conn.Namespace()); got != (accepted != nil) {
		r.Fatalf("%s exists: %v", conn.Namespace(), got)
	}
	stored := model{}
	for _, v := range e.Vectors("test", conn.Namespace()) {
		stored[v.ID] = v.Metadata
	}
	if diff := cmp.Diff(orEmpty(accepted), stored); diff != "" {
		r.Fatalf("accepted:\n%s", diff)
	}
	answer, err := conn.QueryByVectorValues(t.Context(), &pinecone.QueryByVectorValuesRequest{Vector: []float32{1, 1}, TopK: 100, IncludeMetadata: true})
	if err != nil {
		r.Fatal(err)
	}
	found := model{}
	for _, m := range answer.Matches {
		found[m.Vector.Id] = m.Vector.Metadata.AsMap()
	}
	if diff := cmp.Diff(orEmpty(visible), found); diff != "" {
		r.Fatalf("visible:\n%s", diff)
	}
}

func orEmpty(m model) model {
	if m == nil {
		return model{}
	}
	return m
}

// TestConcurrentCalls writes, reads, deletes and inspects from many goroutines; the race detector watches.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{Dir: t.TempDir()}, 8)
	var calling sync.WaitGroup
	for g := range 8 {
		calling.Go(func() {
			own := conn.WithNamespace(fmt.Sprint("ns-", g%3))
			for round := range 15 {
				batch := many(t, 20, 8, map[string]any{"g": g})
				for i, v := range batch {
					v.Id = fmt.Sprint(g, "-", i)
				}
				upsert(t, own, batch...)
				if got := query(t, own, randomOf(round), 5); len(got) != 5 {
					t.Errorf("%d matches", len(got))
				}
				if _, err := own.ListVectors(t.Context(), &pinecone.ListVectorsRequest{}); err != nil {
					t.Error(err)
				}
				if err := own.DeleteVectorsById(t.Context(), []string{batch[round].Id}); err != nil {
					t.Error(err)
				}
				e.Vectors("test", own.Namespace())
				e.Calls()
				e.SetVisibility(Visibility{})
				e.Release()
			}
		})
	}
	calling.Wait()
	total := 0
	for _, name := range e.Namespaces("test") {
		total += len(e.Vectors("test", name))
	}
	if want := 8 * 19; total != want { // each goroutine's last deletion is not upserted again
		t.Errorf("%d records, want %d", total, want)
	}
	e, _ = restart(t, e)
	for _, name := range e.Namespaces("test") {
		total -= len(e.Vectors("test", name))
	}
	if total != 0 {
		t.Errorf("after the restart %d records fewer", total)
	}
}

func randomOf(round int) []float32 {
	v := make([]float32, 8)
	v[round%8] = 1
	return v
}
