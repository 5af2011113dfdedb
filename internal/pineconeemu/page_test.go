package pineconeemu

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"
)

// TestPagesCoverTheList checks that following the tokens gives every name with the prefix once, in order.
func TestPagesCoverTheList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 1, 3, -1)
		names := rapid.SliceOfDistinct(name, rapid.ID[string]).Draw(r, "names")
		slices.Sort(names)
		prefix := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 0, 2, -1).Draw(r, "prefix")
		limit := rapid.Uint32Range(1, 5).Draw(r, "limit")
		var got, want []string
		for _, n := range names {
			if strings.HasPrefix(n, prefix) {
				want = append(want, n)
			}
		}
		for next := ""; ; {
			p, err := parsePage(prefix, limit, maxPage, next)
			if err != nil {
				r.Fatal(err)
			}
			var part []string
			part, next = p.of(names)
			got = append(got, part...)
			if next == "" {
				break
			}
			if len(part) != int(limit) {
				r.Fatalf("a page of %d before the last", len(part))
			}
		}
		if !slices.Equal(got, want) {
			r.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestListVectors(t *testing.T) {
	t.Parallel()
	_, conn := setUp(t, Config{}, 2)
	upsert(t, conn, many(t, 250, 2, nil)...)
	upsert(t, conn, record(t, "other", []float32{1, 0}, nil))
	prefix := "id-"
	var ids []string
	var token *string
	for pages := 1; ; pages++ {
		answer, err := conn.ListVectors(t.Context(), &pinecone.ListVectorsRequest{Prefix: &prefix, PaginationToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range answer.VectorIds {
			ids = append(ids, *id)
		}
		if token = answer.NextPaginationToken; token == nil {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if len(ids) != 250 || !slices.IsSorted(ids) || ids[249] != "id-00249" {
		t.Errorf("%d ids, the last is %s", len(ids), ids[len(ids)-1])
	}
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 2)
	for i := range 3 {
		upsert(t, conn.WithNamespace(fmt.Sprint("t-", i)), many(t, i+1, 2, nil)...)
	}
	upsert(t, conn.WithNamespace(""), many(t, 1, 2, nil)...)
	if got := e.Namespaces("test"); !slices.Equal(got, []string{"__default__", "t-0", "t-1", "t-2"}) {
		t.Errorf("namespaces %v", got)
	}
	prefix, limit := "t-", uint32(2)
	first, err := conn.ListNamespaces(t.Context(), &pinecone.ListNamespacesParams{Prefix: &prefix, Limit: &limit})
	if err != nil || first.TotalCount != 3 || len(first.Namespaces) != 2 || first.Pagination == nil {
		t.Fatalf("first page %+v: %v", first, err)
	}
	second, err := conn.ListNamespaces(t.Context(), &pinecone.ListNamespacesParams{Prefix: &prefix, Limit: &limit, PaginationToken: &first.Pagination.Next})
	if err != nil || len(second.Namespaces) != 1 || second.Namespaces[0].Name != "t-2" || second.Namespaces[0].RecordCount != 3 || second.Pagination != nil {
		t.Fatalf("second page %+v: %v", second, err)
	}
	if err := conn.DeleteNamespace(t.Context(), "t-2"); err != nil {
		t.Fatal(err)
	}
	_, err = conn.DescribeNamespace(t.Context(), "t-2")
	wantCode(t, err, codes.NotFound)
	wantCode(t, conn.DeleteNamespace(t.Context(), "t-2"), codes.NotFound)
	wantCode(t, conn.DeleteNamespace(t.Context(), "never"), codes.NotFound)
	if got := query(t, conn.WithNamespace("t-2"), []float32{1, 0}, 10); len(got) != 0 {
		t.Errorf("a deleted namespace answers %v", idsOf(got))
	}
	made, err := conn.CreateNamespace(t.Context(), &pinecone.CreateNamespaceParams{Name: "t-2"})
	if err != nil || made.Name != "t-2" || made.RecordCount != 0 {
		t.Errorf("made %+v: %v", made, err)
	}
	_, err = conn.CreateNamespace(t.Context(), &pinecone.CreateNamespaceParams{Name: "t-2"})
	wantCode(t, err, codes.AlreadyExists)
	stats, err := conn.DescribeIndexStats(t.Context())
	if err != nil || stats.TotalVectorCount != 4 || len(stats.Namespaces) != 4 || stats.Namespaces["t-1"].VectorCount != 2 {
		t.Errorf("stats %+v: %v", stats, err)
	}
}
