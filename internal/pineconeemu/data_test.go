package pineconeemu

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
)

func TestUpsertThenQuery(t *testing.T) {
	t.Parallel()
	_, conn := setUp(t, Config{}, 3)
	upsert(t, conn, record(t, "x", []float32{2, 0, 0}, nil), record(t, "y", []float32{0, 1, 0}, nil), record(t, "xy", []float32{1, 1, 0}, nil))
	matches := query(t, conn, []float32{1, 0.1, 0}, 2)
	if got := idsOf(matches); !slices.Equal(got, []string{"x", "xy"}) {
		t.Errorf("matches %v", got)
	}
	if s := matches[0].Score; s < 0.995 || s > 0.9951 {
		t.Errorf("cosine %v", s)
	}
	if matches[0].Vector.Values != nil {
		t.Error("values came without being asked for")
	}
	wantCode(t, conn.DeleteVectorsById(t.Context(), []string{"x", "absent"}), codes.OK)
	if got := idsOf(query(t, conn, []float32{1, 0.1, 0}, 2)); !slices.Equal(got, []string{"xy", "y"}) {
		t.Errorf("after the deletion %v", got)
	}
	if diff := cmp.Diff([]string{"own"}, start(t, Config{}).Namespaces("test")); diff == "" {
		t.Error("emulators share namespaces")
	}
}
