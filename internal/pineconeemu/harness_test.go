package pineconeemu

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const testKey = "test-key"

// start runs an emulator without a rate limit, unless the configuration sets one, for the length of the test.
func start(t testing.TB, cfg Config) *Emulator {
	t.Helper()
	if cfg.RateLimit == 0 {
		cfg.RateLimit = -1
	}
	cfg.APIKey = testKey
	e, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func connect(t testing.TB, e *Emulator) *pinecone.Client {
	t.Helper()
	client, err := pinecone.NewClient(pinecone.NewClientParams{ApiKey: testKey, Host: e.ControlURL()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func createIndex(t testing.TB, client *pinecone.Client, name string, dimension int32) *pinecone.Index {
	t.Helper()
	index, err := client.CreateServerlessIndex(t.Context(), &pinecone.CreateServerlessIndexRequest{
		Name: name, Dimension: &dimension, Cloud: pinecone.Aws, Region: "us-east-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func open(t testing.TB, client *pinecone.Client, host, namespace string, options ...grpc.DialOption) *pinecone.IndexConnection {
	t.Helper()
	options = append(options, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	conn, err := client.Index(pinecone.NewIndexConnParams{Host: host, Namespace: namespace}, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // a test may have closed it
	return conn
}

// setUp is an emulator with the index "test" of a dimension and a connection to its namespace "own".
func setUp(t testing.TB, cfg Config, dimension int32) (*Emulator, *pinecone.IndexConnection) {
	t.Helper()
	e := start(t, cfg)
	client := connect(t, e)
	return e, open(t, client, createIndex(t, client, "test", dimension).Host, "own")
}

func record(t testing.TB, id string, values []float32, fields map[string]any) *pinecone.Vector {
	t.Helper()
	v := &pinecone.Vector{Id: id, Values: &values}
	if fields != nil {
		metadata, err := pinecone.NewMetadata(fields)
		if err != nil {
			t.Fatal(err)
		}
		v.Metadata = metadata
	}
	return v
}

func upsert(t testing.TB, conn *pinecone.IndexConnection, vectors ...*pinecone.Vector) {
	t.Helper()
	n, err := conn.UpsertVectors(t.Context(), vectors)
	if err != nil {
		t.Fatal(err)
	}
	if int(n) != len(vectors) {
		t.Fatalf("%d of %d upserted", n, len(vectors))
	}
}

func query(t testing.TB, conn *pinecone.IndexConnection, values []float32, k uint32) []*pinecone.ScoredVector {
	t.Helper()
	answer, err := conn.QueryByVectorValues(t.Context(), &pinecone.QueryByVectorValuesRequest{Vector: values, TopK: k})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Matches
}

func idsOf(matches []*pinecone.ScoredVector) []string {
	ids := []string{}
	for _, m := range matches {
		ids = append(ids, m.Vector.Id)
	}
	return ids
}

func wantCode(t testing.TB, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("code %s, want %s (%v)", got, want, err)
	}
}

func randomVector(r *rand.Rand, dimension int) []float32 {
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// background is for clean-up, when the test's own context is over.
var background = context.Background()
