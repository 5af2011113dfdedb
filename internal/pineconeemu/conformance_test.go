package pineconeemu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
)

// subject is a Pinecone under test, the service or the emulator, with an index of dimension 4.
type subject struct {
	client *pinecone.Client
	index  *pinecone.Index
	conn   *pinecone.IndexConnection // to a namespace of the case's own
	seen   *headers
}

// conformance is what the emulator must share with the service. The cases poll where the service is only eventually
// consistent, and each has a namespace of its own.
var conformance = map[string]func(t *testing.T, s subject){
	"a query ranks by cosine":                    conformRanking,
	"a query by id":                              conformQueryByID,
	"an upsert replaces the whole record":        conformReplacing,
	"an update merges metadata":                  conformUpdating,
	"deletion by id and by filter":               conformDeleting,
	"what is absent":                             conformAbsence,
	"namespaces are apart and can be deleted":    conformNamespaces,
	"lists are in order, by prefix and in pages": conformLists,
	"filters":                                     conformFilters,
	"filters that are refused":                    conformBadFilters,
	"requests that are refused":                   conformRefusals,
	"the numbers of writes tell what is included": conformNumbers,
	"the control plane's errors":                  conformControlPlane,
}

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("emulator", func(t *testing.T) {
		t.Parallel()
		client := connect(t, start(t, Config{Visibility: Visibility{Delay: 5 * time.Millisecond}}))
		conform(t, client, "conformance")
	})
	t.Run("service", func(t *testing.T) {
		t.Parallel()
		key := os.Getenv("PINECONE_API_KEY")
		if key == "" {
			t.Skip("set PINECONE_API_KEY to run the same cases against Pinecone itself; it creates an index and deletes it again")
		}
		client, err := pinecone.NewClient(pinecone.NewClientParams{ApiKey: key})
		if err != nil {
			t.Fatal(err)
		}
		conform(t, client, fmt.Sprintf("lindero-conformance-%08x", rand.Uint32()))
	})
}

func conform(t *testing.T, client *pinecone.Client, name string) {
	createIndex(t, client, name, 4)
	t.Cleanup(func() {
		if err := client.DeleteIndex(context.WithoutCancel(t.Context()), name); err != nil {
			t.Errorf("delete the index %s by hand: %v", name, err)
		}
	})
	var index *pinecone.Index
	eventually(t, "the index is ready", func() bool {
		described, err := client.DescribeIndex(t.Context(), name)
		index = described
		return err == nil && described.Status.Ready
	})
	number := 0
	for title, run := range conformance {
		number++
		var seen headers
		s := subject{client: client, index: index, seen: &seen}
		s.conn = open(t, client, index.Host, fmt.Sprint("case-", number), seen.option())
		t.Run(title, func(t *testing.T) { run(t, s) })
	}
}

// eventually waits until what must come true in time is true.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within two minutes: %s", what)
		}
	}
}

// store upserts records and waits until all are found.
func (s subject) store(t *testing.T, vectors ...*pinecone.Vector) {
	t.Helper()
	upsert(t, s.conn, vectors...)
	s.awaitCount(t, s.conn, len(vectors))
}

func (s subject) awaitCount(t *testing.T, conn *pinecone.IndexConnection, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d records are found", n), func() bool {
		return len(query(t, conn, []float32{1, 1, 1, 1}, 100)) == n
	})
}

func conformRanking(t *testing.T, s subject) {
	s.store(t, record(t, "far", []float32{0, 0, 0, 9}, nil), record(t, "near", []float32{5, 5, 0, 0}, nil), record(t, "opposite", []float32{-1, 0, 0, 0}, nil))
	matches := query(t, s.conn, []float32{1, 0, 0, 0}, 2)
	if got := fmt.Sprint(idsOf(matches)); got != "[near far]" {
		t.Errorf("order %s", got)
	}
	if score := matches[0].Score; score < 0.70 || score > 0.715 {
		t.Errorf("cosine %v of vectors at 45 degrees", score)
	}
}

func conformQueryByID(t *testing.T, s subject) {
	s.store(t, record(t, "a", []float32{1, 0, 0, 0}, nil), record(t, "b", []float32{1, 1, 0, 0}, nil))
	for id, want := range map[string]string{"a": "[a b]", "absent": "[]"} {
		answer, err := s.conn.QueryByVectorId(t.Context(), &pinecone.QueryByVectorIdRequest{VectorId: id, TopK: 5})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(idsOf(answer.Matches)); got != want {
			t.Errorf("like %s: %s, want %s", id, got, want)
		}
	}
}

func conformReplacing(t *testing.T, s subject) {
	s.store(t, record(t, "a", []float32{1, 0, 0, 0}, map[string]any{"old": true}))
	upsert(t, s.conn, record(t, "a", []float32{0, 1, 0, 0}, map[string]any{"new": true}))
	eventually(t, "the new record is there", func() bool {
		v := s.fetch(t, "a")
		return v != nil && (*v.Values)[1] == 1 && len(v.Metadata.GetFields()) == 1 && v.Metadata.AsMap()["new"] == true
	})
}

// fetch is nil for what is not there.
func (s subject) fetch(t *testing.T, id string) *pinecone.Vector {
	t.Helper()
	answer, err := s.conn.FetchVectors(t.Context(), []string{id})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Vectors[id]
}

func conformUpdating(t *testing.T, s subject) {
	s.store(t, record(t, "a", []float32{1, 0, 0, 0}, map[string]any{"kept": "k", "set": 1}))
	set, err := pinecone.NewMetadata(map[string]any{"set": 2, "more": []any{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.conn.UpdateVector(t.Context(), &pinecone.UpdateVectorRequest{Id: "a", Metadata: set}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the update is there", func() bool {
		v := s.fetch(t, "a")
		return v != nil && fmt.Sprint(v.Metadata.AsMap()) == "map[kept:k more:[x] set:2]" && (*v.Values)[0] == 1
	})
	if err := s.conn.UpdateVector(t.Context(), &pinecone.UpdateVectorRequest{Id: "absent", Metadata: set}); err != nil {
		t.Errorf("update of an absent record: %v", err)
	}
	if v := s.fetch(t, "absent"); v != nil {
		t.Error("an update made a record")
	}
}

func conformDeleting(t *testing.T, s subject) {
	s.store(t, record(t, "a", []float32{1, 0, 0, 0}, map[string]any{"k": "x"}), record(t, "b", []float32{0, 1, 0, 0}, map[string]any{"k": "x"}),
		record(t, "c", []float32{0, 0, 1, 0}, nil), record(t, "d", []float32{0, 0, 0, 1}, nil))
	wantCode(t, s.conn.DeleteVectorsById(t.Context(), []string{"c", "never"}), codes.OK)
	s.awaitCount(t, s.conn, 3)
	filter, err := pinecone.NewMetadataFilter(map[string]any{"k": "x"})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.conn.DeleteVectorsByFilter(t.Context(), filter), codes.OK)
	s.awaitCount(t, s.conn, 1)
	wantCode(t, s.conn.DeleteAllVectorsInNamespace(t.Context()), codes.OK)
	s.awaitCount(t, s.conn, 0)
}

func conformAbsence(t *testing.T, s subject) {
	if got := query(t, s.conn, []float32{1, 0, 0, 0}, 3); len(got) != 0 {
		t.Errorf("a namespace without writes answers %v", idsOf(got))
	}
	if v := s.fetch(t, "a"); v != nil {
		t.Errorf("fetched %v", v)
	}
	if page, err := s.conn.ListVectors(t.Context(), &pinecone.ListVectorsRequest{}); err != nil || len(page.VectorIds) != 0 {
		t.Errorf("listed %v: %v", page, err)
	}
	wantCode(t, s.conn.DeleteVectorsById(t.Context(), []string{"a"}), codes.NotFound)
	wantCode(t, s.conn.DeleteAllVectorsInNamespace(t.Context()), codes.NotFound)
	wantCode(t, s.conn.DeleteNamespace(t.Context(), s.conn.Namespace()), codes.NotFound)
	_, err := s.conn.DescribeNamespace(t.Context(), s.conn.Namespace())
	wantCode(t, err, codes.NotFound)
}

func conformNumbers(t *testing.T, s subject) {
	upsert(t, s.conn, record(t, "a", []float32{1, 0, 0, 0}, nil))
	first := s.seen.number(t, requestLSN)
	upsert(t, s.conn, record(t, "b", []float32{1, 0, 0, 0}, nil))
	second := s.seen.number(t, requestLSN)
	if first < 1 || second <= first {
		t.Fatalf("writes have the numbers %d and %d", first, second)
	}
	eventually(t, "queries include the second write", func() bool {
		found := len(query(t, s.conn, []float32{1, 0, 0, 0}, 10))
		included := s.seen.number(t, maxIndexedLSN)
		if included >= second && found != 2 {
			t.Errorf("includes %d of %d, but finds %d records", included, second, found)
		}
		return included >= second
	})
}

func conformControlPlane(t *testing.T, s subject) {
	dimension := int32(4)
	create := func(name string) error {
		_, err := s.client.CreateServerlessIndex(t.Context(), &pinecone.CreateServerlessIndexRequest{
			Name: name, Dimension: &dimension, Cloud: pinecone.Aws, Region: "us-east-1",
		})
		return err
	}
	wantStatus(t, create(s.index.Name), 409)
	wantStatus(t, create("Not-A-Name-"), 400)
	_, err := s.client.DescribeIndex(t.Context(), s.index.Name+"x")
	wantStatus(t, err, 404)
	wantStatus(t, s.client.DeleteIndex(t.Context(), s.index.Name+"x"), 404)
}
