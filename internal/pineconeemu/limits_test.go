package pineconeemu

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// many makes n records of a dimension.
func many(t testing.TB, n, dimension int, fields map[string]any) []*pinecone.Vector {
	t.Helper()
	vectors := make([]*pinecone.Vector, n)
	for i := range vectors {
		values := make([]float32, dimension)
		values[i%dimension] = 1
		vectors[i] = record(t, fmt.Sprintf("id-%05d", i), values, fields)
	}
	return vectors
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	return ids
}

func TestUpsertLimits(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 4)
	values := []float32{1, 2, 3, 4}
	odd := func(field string, value *structpb.Value) *pinecone.Vector {
		v := record(t, "odd", values, nil)
		v.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{field: value}}
		return v
	}
	sparse := record(t, "sparse", values, nil)
	sparse.SparseValues = &pinecone.SparseValues{Indices: []uint32{1}, Values: []float32{1}}
	for _, c := range []struct {
		name    string
		vectors []*pinecone.Vector
		code    codes.Code
		message string
	}{
		{"1,000 records", many(t, 1000, 4, nil), codes.OK, ""},
		{"1,001 records", many(t, 1001, 4, nil), codes.InvalidArgument, "Too many vectors"},
		{"none", nil, codes.InvalidArgument, "At least one vector"},
		{"under 2 MB", many(t, 60, 4, map[string]any{"text": strings.Repeat("a", 34_000)}), codes.OK, ""},
		{"over 2 MB", many(t, 70, 4, map[string]any{"text": strings.Repeat("a", 34_000)}), codes.InvalidArgument, "2097152 bytes"},
		{"over 4 MB", many(t, 140, 4, map[string]any{"text": strings.Repeat("a", 34_000)}), codes.OutOfRange, "message length too large"},
		{"40 KB of metadata", []*pinecone.Vector{record(t, "big", values, map[string]any{"t": strings.Repeat("a", 40<<10-10)})}, codes.OK, ""},
		{"more metadata", []*pinecone.Vector{record(t, "big", values, map[string]any{"t": strings.Repeat("a", 40<<10)})}, codes.InvalidArgument, "exceeds the limit of 40960 bytes"},
		{"other dimension", []*pinecone.Vector{record(t, "a", values[:3], nil)}, codes.InvalidArgument, "Vector dimension 3 does not match the dimension of the index 4"},
		{"no values", []*pinecone.Vector{{Id: "a"}}, codes.InvalidArgument, "Vector dimension 0"},
		{"zero vector", []*pinecone.Vector{record(t, "a", make([]float32, 4), nil)}, codes.InvalidArgument, "at least one non-zero value"},
		{"NaN", []*pinecone.Vector{record(t, "a", []float32{1, float32(math.NaN()), 0, 0}, nil)}, codes.InvalidArgument, "finite"},
		{"infinite", []*pinecone.Vector{record(t, "a", []float32{1, float32(math.Inf(1)), 0, 0}, nil)}, codes.InvalidArgument, "finite"},
		{"empty id", []*pinecone.Vector{record(t, "", values, nil)}, codes.InvalidArgument, "must not be empty"},
		{"id of 512", []*pinecone.Vector{record(t, strings.Repeat("i", 512), values, nil)}, codes.OK, ""},
		{"id of 513", []*pinecone.Vector{record(t, strings.Repeat("i", 513), values, nil)}, codes.InvalidArgument, "at most 512"},
		{"id not ASCII", []*pinecone.Vector{record(t, "ñ", values, nil)}, codes.InvalidArgument, "must be ASCII, but got 'ñ'"},
		{"id with NUL", []*pinecone.Vector{record(t, "a\x00", values, nil)}, codes.InvalidArgument, "must be ASCII"},
		{"null", []*pinecone.Vector{odd("f", structpb.NewNullValue())}, codes.InvalidArgument, "got 'null' for field 'f'"},
		{"object", []*pinecone.Vector{odd("f", structpb.NewStructValue(&structpb.Struct{}))}, codes.InvalidArgument, "got '{}' for field 'f'"},
		{"list of numbers", []*pinecone.Vector{odd("f", structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(1)}}))}, codes.InvalidArgument, "list of strings"},
		{"NaN in metadata", []*pinecone.Vector{odd("f", structpb.NewNumberValue(math.NaN()))}, codes.InvalidArgument, "for field 'f'"},
		{"sparse values", []*pinecone.Vector{sparse}, codes.InvalidArgument, "sparse"},
		{"one bad among good", append(many(t, 3, 4, nil), record(t, "", values, nil)), codes.InvalidArgument, "must not be empty"},
	} {
		namespace := strings.ReplaceAll(c.name, " ", "-")
		_, err := conn.WithNamespace(namespace).UpsertVectors(t.Context(), c.vectors)
		wantRefusal(t, c.name, err, c.code, c.message)
		if stored := len(e.Vectors("test", namespace)); c.code != codes.OK && stored != 0 {
			t.Errorf("%s: refused, but %d records are stored", c.name, stored)
		}
	}
}

func wantRefusal(t *testing.T, name string, err error, code codes.Code, message string) {
	t.Helper()
	if got := status.Convert(err); got.Code() != code || !strings.Contains(got.Message(), message) {
		t.Errorf("%s: %s %q, want %s %q", name, got.Code(), got.Message(), code, message)
	}
}

func TestReadAndDeleteLimits(t *testing.T) {
	t.Parallel()
	_, conn := setUp(t, Config{}, 2)
	upsert(t, conn, many(t, 3, 2, nil)...)
	ask := func(r pinecone.QueryByVectorValuesRequest) error {
		_, err := conn.QueryByVectorValues(t.Context(), &r)
		return err
	}
	fetch := func(ids []string) error { _, err := conn.FetchVectors(t.Context(), ids); return err }
	list := func(limit uint32, token string) error {
		_, err := conn.ListVectors(t.Context(), &pinecone.ListVectorsRequest{Limit: &limit, PaginationToken: &token})
		return err
	}
	v := []float32{1, 0}
	for _, c := range []struct {
		name string
		err  error
		code codes.Code
	}{
		{"top_k 10,000", ask(pinecone.QueryByVectorValuesRequest{Vector: v, TopK: 10_000}), codes.OK},
		{"top_k 10,001", ask(pinecone.QueryByVectorValuesRequest{Vector: v, TopK: 10_001}), codes.InvalidArgument},
		{"top_k 0", ask(pinecone.QueryByVectorValuesRequest{Vector: v}), codes.InvalidArgument},
		{"top_k 1,001 with values", ask(pinecone.QueryByVectorValuesRequest{Vector: v, TopK: 1001, IncludeValues: true}), codes.InvalidArgument},
		{"top_k 1,001 with metadata", ask(pinecone.QueryByVectorValuesRequest{Vector: v, TopK: 1001, IncludeMetadata: true}), codes.InvalidArgument},
		{"top_k 1,000 with both", ask(pinecone.QueryByVectorValuesRequest{Vector: v, TopK: 1000, IncludeMetadata: true, IncludeValues: true}), codes.OK},
		{"query of another dimension", ask(pinecone.QueryByVectorValuesRequest{Vector: []float32{1}, TopK: 1}), codes.InvalidArgument},
		{"query without a vector", ask(pinecone.QueryByVectorValuesRequest{TopK: 1}), codes.InvalidArgument},
		{"query with NaN", ask(pinecone.QueryByVectorValuesRequest{Vector: []float32{1, float32(math.NaN())}, TopK: 1}), codes.InvalidArgument},
		{"query with a zero vector", ask(pinecone.QueryByVectorValuesRequest{Vector: []float32{0, 0}, TopK: 1}), codes.OK},
		{"fetch of 1,000", fetch(manyIDs(1000)), codes.OK},
		{"fetch of 1,001", fetch(manyIDs(1001)), codes.InvalidArgument},
		{"fetch of none", fetch(nil), codes.InvalidArgument},
		{"deletion of 1,000", conn.DeleteVectorsById(t.Context(), manyIDs(1000)), codes.OK},
		{"deletion of 1,001", conn.DeleteVectorsById(t.Context(), manyIDs(1001)), codes.InvalidArgument},
		{"deletion of none", conn.DeleteVectorsById(t.Context(), nil), codes.InvalidArgument},
		{"deletion by an empty filter", conn.DeleteVectorsByFilter(t.Context(), &structpb.Struct{}), codes.InvalidArgument},
		{"deletion in an absent namespace", conn.WithNamespace("absent").DeleteVectorsById(t.Context(), manyIDs(1)), codes.NotFound},
		{"list of 100", list(100, ""), codes.OK},
		{"list of 101", list(101, ""), codes.InvalidArgument},
		{"forged page token", list(10, "bm90IGpzb24="), codes.InvalidArgument},
		{"long namespace", conn.WithNamespace(strings.Repeat("n", 513)).DeleteVectorsById(t.Context(), manyIDs(1)), codes.InvalidArgument},
		{"namespace not ASCII", conn.WithNamespace("ñ").DeleteVectorsById(t.Context(), manyIDs(1)), codes.InvalidArgument},
	} {
		if got := status.Code(c.err); got != c.code {
			t.Errorf("%s: %v, want %s", c.name, c.err, c.code)
		}
	}
}

func TestAnswersOfQueriesAreLimited(t *testing.T) {
	t.Parallel()
	_, conn := setUp(t, Config{}, 1536)
	for i := range 10 {
		batch := many(t, 100, 1536, nil)
		for _, v := range batch {
			v.Id = fmt.Sprint(i, v.Id)
		}
		upsert(t, conn, batch...)
	}
	ask := func(k uint32) error {
		_, err := conn.QueryByVectorValues(t.Context(), &pinecone.QueryByVectorValuesRequest{
			Vector: *many(t, 1, 1536, nil)[0].Values, TopK: k, IncludeValues: true,
		})
		return err
	}
	wantCode(t, ask(600), codes.OK)
	wantCode(t, ask(1000), codes.InvalidArgument)
}

// oneMoment is a clock that stands still: all requests of a test come in the same second, however long they take.
func oneMoment() func() time.Time {
	now := time.Now()
	return func() time.Time { return now }
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{RateLimit: 20, now: oneMoment()}, 2)
	v := many(t, 1, 2, nil)
	upserts := 0
	for err := error(nil); err == nil; upserts++ {
		if upserts > 20 {
			t.Fatal("no limit")
		}
		if _, err = conn.UpsertVectors(t.Context(), v); err != nil {
			wantRefusal(t, "upsert", err, codes.ResourceExhausted, "upsert QPS limit for namespace own (20 QPS)")
		}
	}
	if upserts != 21 {
		t.Errorf("upsert %d was refused, want the 21st", upserts)
	}
	query(t, conn, []float32{1, 0}, 1)                            // another kind of request
	upsert(t, conn.WithNamespace("other"), many(t, 1, 2, nil)...) // another namespace
	filter, _ := pinecone.NewMetadataFilter(map[string]any{"a": 1})
	wantCode(t, conn.DeleteVectorsByFilter(t.Context(), filter), codes.OK)
	wantCode(t, conn.DeleteVectorsByFilter(t.Context(), filter), codes.ResourceExhausted) // 5 % of the limit
	if got := e.Counters()["Upsert"]; got.Failed != 1 || got.Calls != upserts+1 {
		t.Errorf("counters %+v", got)
	}
}

// What is in requests is limited beside their number: bytes written, and records deleted, in a namespace and in all.
func TestContentLimits(t *testing.T) {
	t.Parallel()
	_, conn := setUp(t, Config{RateLimit: 10, now: oneMoment()}, 2) // 5 MB and 500 deleted records a second
	large := many(t, 60, 2, map[string]any{"text": strings.Repeat("a", 30_000)})
	written := 0
	for ; written < 10; written++ {
		if _, err := conn.UpsertVectors(t.Context(), large); err != nil {
			wantRefusal(t, "upsert", err, codes.ResourceExhausted, "max upsert size limit per second for namespace own (5000000)")
			break
		}
	}
	if written != 2 {
		t.Errorf("%d upserts of 1.8 MB were taken in the same second", written)
	}
	upsert(t, conn.WithNamespace("other"), large...)
	wantCode(t, conn.DeleteVectorsById(t.Context(), manyIDs(600)), codes.OK) // one request may be larger than the limit
	wantRefusal(t, "delete", conn.DeleteVectorsById(t.Context(), manyIDs(600)), codes.ResourceExhausted, "max delete records per second for namespace own (500)")
	wantRefusal(t, "delete elsewhere", conn.WithNamespace("other").DeleteVectorsById(t.Context(), manyIDs(600)),
		codes.ResourceExhausted, "max delete records per second for index test (500)")
}
