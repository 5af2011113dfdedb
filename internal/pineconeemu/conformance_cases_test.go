package pineconeemu

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

func conformNamespaces(t *testing.T, s subject) {
	one, other := s.conn.WithNamespace(s.conn.Namespace()+"-one"), s.conn.WithNamespace(s.conn.Namespace()+"-other")
	upsert(t, one, record(t, "same", []float32{1, 0, 0, 0}, map[string]any{"in": "one"}))
	upsert(t, other, record(t, "same", []float32{0, 1, 0, 0}, map[string]any{"in": "other"}), record(t, "more", []float32{0, 0, 1, 0}, nil))
	s.awaitCount(t, one, 1)
	s.awaitCount(t, other, 2)
	eventually(t, "both namespaces are listed", func() bool { return slices.Equal(s.namespaces(t), []string{one.Namespace(), other.Namespace()}) })
	eventually(t, "the description counts two records", func() bool {
		d, err := s.conn.DescribeNamespace(t.Context(), other.Namespace())
		return err == nil && d.RecordCount == 2
	})
	eventually(t, "the statistics count two records", func() bool {
		stats, err := s.conn.DescribeIndexStats(t.Context())
		return err == nil && stats.Namespaces[other.Namespace()] != nil && stats.Namespaces[other.Namespace()].VectorCount == 2
	})
	wantCode(t, s.conn.DeleteNamespace(t.Context(), other.Namespace()), codes.OK)
	s.awaitCount(t, other, 0)
	eventually(t, "one namespace is listed", func() bool { return slices.Equal(s.namespaces(t), []string{one.Namespace()}) })
	if got := query(t, one, []float32{1, 0, 0, 0}, 5); len(got) != 1 {
		t.Errorf("the deletion of one namespace left %d records in another", len(got))
	}
}

func (s subject) namespaces(t *testing.T) []string {
	t.Helper()
	prefix := s.conn.Namespace() + "-"
	list, err := s.conn.ListNamespaces(t.Context(), &pinecone.ListNamespacesParams{Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range list.Namespaces {
		names = append(names, n.Name)
	}
	return names
}

func conformLists(t *testing.T, s subject) {
	var vectors []*pinecone.Vector
	for i := range 25 {
		vectors = append(vectors, record(t, fmt.Sprintf("doc#%02d", i), []float32{1, float32(i), 0, 0}, nil))
	}
	s.store(t, append(vectors, record(t, "other", []float32{1, 0, 0, 0}, nil))...)
	prefix, limit := "doc#", uint32(10)
	var ids []string
	var token *string
	for pages := 0; pages == 0 || token != nil; pages++ {
		page, err := s.conn.ListVectors(t.Context(), &pinecone.ListVectorsRequest{Prefix: &prefix, Limit: &limit, PaginationToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range page.VectorIds {
			ids = append(ids, *id)
		}
		token = page.NextPaginationToken
	}
	if len(ids) != 25 || !slices.IsSorted(ids) || ids[24] != "doc#24" {
		t.Errorf("listed %v", ids)
	}
}

func conformFilters(t *testing.T, s subject) {
	s.store(t,
		record(t, "none", []float32{1, 0, 0, 0}, nil),
		record(t, "drama", []float32{1, 0, 0, 0}, map[string]any{"genre": "drama", "year": 2020}),
		record(t, "list", []float32{1, 0, 0, 0}, map[string]any{"genre": []any{"drama", "comedy"}, "seen": true}),
		record(t, "text", []float32{1, 0, 0, 0}, map[string]any{"genre": "war", "year": "2020"}),
	)
	for _, c := range []struct {
		filter map[string]any
		want   string
	}{
		{map[string]any{"genre": "drama"}, "[drama list]"},
		{map[string]any{"genre": map[string]any{"$ne": "drama"}}, "[none text]"},
		{map[string]any{"genre": map[string]any{"$in": []any{"comedy", "war"}}}, "[list text]"},
		{map[string]any{"genre": map[string]any{"$in": []any{}}}, "[]"},
		{map[string]any{"genre": map[string]any{"$nin": []any{"drama"}}}, "[none text]"},
		{map[string]any{"genre": map[string]any{"$exists": false}}, "[none]"},
		{map[string]any{"year": map[string]any{"$exists": true}}, "[drama text]"},
		{map[string]any{"year": 2020}, "[drama]"},
		{map[string]any{"year": "2020"}, "[text]"},
		{map[string]any{"year": map[string]any{"$gte": 2020, "$lt": 2021}}, "[drama]"},
		{map[string]any{"seen": true}, "[list]"},
		{map[string]any{"genre": "drama", "year": map[string]any{"$gt": 2000}}, "[drama]"},
		{map[string]any{"$or": []any{map[string]any{"year": 2020}, map[string]any{"$and": []any{map[string]any{"seen": true}, map[string]any{"genre": "comedy"}}}}}, "[drama list]"},
	} {
		if got := fmt.Sprint(s.filtered(t, c.filter)); got != c.want {
			t.Errorf("%v: %s, want %s", c.filter, got, c.want)
		}
	}
}

func (s subject) filtered(t *testing.T, m map[string]any) []string {
	t.Helper()
	filter, err := pinecone.NewMetadataFilter(m)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.conn.QueryByVectorValues(t.Context(), &pinecone.QueryByVectorValuesRequest{Vector: []float32{1, 0, 0, 0}, TopK: 10, MetadataFilter: filter})
	if err != nil {
		t.Fatalf("%v: %v", m, err)
	}
	ids := idsOf(answer.Matches)
	slices.Sort(ids)
	return ids
}

func conformBadFilters(t *testing.T, s subject) {
	s.store(t, record(t, "a", []float32{1, 0, 0, 0}, nil))
	for _, m := range []map[string]any{
		{"f": nil}, {"f": map[string]any{"$eq": map[string]any{}}}, {"f": map[string]any{"$gt": "1"}}, {"f": map[string]any{"$in": "a"}},
		{"f": map[string]any{"$in": []any{"a", 1}}}, {"f": map[string]any{"$in": []any{true}}}, {"f": map[string]any{"$regex": "a"}},
	} {
		filter, err := pinecone.NewMetadataFilter(m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.conn.QueryByVectorValues(t.Context(), &pinecone.QueryByVectorValuesRequest{Vector: []float32{1, 0, 0, 0}, TopK: 10, MetadataFilter: filter})
		if got := status.Code(err); got != codes.InvalidArgument {
			t.Errorf("%v: %v", m, err)
		}
	}
}

func conformRefusals(t *testing.T, s subject) {
	v := []float32{1, 0, 0, 0}
	s.store(t, record(t, "a", v, nil))
	null := record(t, "b", v, nil)
	null.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"f": structpb.NewNullValue()}}
	write := func(vectors ...*pinecone.Vector) error {
		_, err := s.conn.UpsertVectors(t.Context(), vectors)
		return err
	}
	ask := func(vector []float32, k uint32) error {
		_, err := s.conn.QueryByVectorValues(t.Context(), &pinecone.QueryByVectorValuesRequest{Vector: vector, TopK: k})
		return err
	}
	fetch := func(ids []string) error { _, err := s.conn.FetchVectors(t.Context(), ids); return err }
	for title, err := range map[string]error{
		"other dimension":         write(record(t, "b", v[:3], nil)),
		"zero vector":             write(record(t, "b", make([]float32, 4), nil)),
		"NaN":                     write(record(t, "b", []float32{1, float32(math.NaN()), 0, 0}, nil)),
		"id not ASCII":            write(record(t, "ñ", v, nil)),
		"id of 513":               write(record(t, strings.Repeat("i", 513), v, nil)),
		"empty id":                write(record(t, "", v, nil)),
		"null in metadata":        write(null),
		"40 KB of metadata":       write(record(t, "b", v, map[string]any{"t": strings.Repeat("a", 41<<10)})),
		"1,001 records":           write(many(t, 1001, 4, nil)...),
		"top_k 10,001":            ask(v, 10_001),
		"top_k 0":                 ask(v, 0),
		"query of a dimension":    ask(v[:2], 1),
		"fetch of 1,001":          fetch(manyIDs(1001)),
		"deletion of 1,001":       s.conn.DeleteVectorsById(t.Context(), manyIDs(1001)),
		"over 2 MB in one upsert": write(many(t, 70, 4, map[string]any{"text": strings.Repeat("a", 34_000)})...),
	} {
		if code := status.Code(err); code != codes.InvalidArgument && code != codes.OutOfRange {
			t.Errorf("%s: %v", title, err)
		}
	}
}
