package pineconeemu

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// headers is how a caller of the SDK sees what its methods do not return: an interceptor given as a dial option.
type headers struct {
	mu   sync.Mutex
	last metadata.MD
}

func (h *headers) option() grpc.DialOption {
	return grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		var header metadata.MD
		err := invoke(ctx, method, request, reply, cc, append(options, grpc.Header(&header))...)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.last = header
		return err
	})
}

// number is the last answer's header; 0 when it had none.
func (h *headers) number(t *testing.T, name string) int {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	values := h.last.Get(name)
	if len(values) == 0 {
		return 0
	}
	n, err := strconv.Atoi(values[0])
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestHeldWritesAreInvisibleUntilReleased(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 2)
	v := []float32{1, 0}
	upsert(t, conn, record(t, "kept", v, nil), record(t, "gone", v, nil), record(t, "changed", v, map[string]any{"a": 1}))
	e.SetVisibility(Visibility{Hold: true})
	upsert(t, conn, record(t, "new", v, nil))
	changed, err := pinecone.NewMetadata(map[string]any{"b": 2})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, conn.DeleteVectorsById(t.Context(), []string{"gone"}), codes.OK)
	wantCode(t, conn.UpdateVector(t.Context(), &pinecone.UpdateVectorRequest{Id: "changed", Metadata: changed}), codes.OK)
	upsert(t, conn.WithNamespace("fresh"), record(t, "first", v, nil))

	if got := idsOf(query(t, conn, v, 10)); !slices.Equal(got, []string{"changed", "gone", "kept"}) {
		t.Errorf("held, a query sees %v", got)
	}
	if got := fetched(t, conn, "changed").Metadata.AsMap(); len(got) != 1 {
		t.Errorf("held, fetch sees %v", got)
	}
	stats, err := conn.DescribeIndexStats(t.Context())
	if err != nil || stats.TotalVectorCount != 3 || len(stats.Namespaces) != 1 {
		t.Errorf("held, stats see %+v: %v", stats, err)
	}
	if e.Pending("test", "own") != 3 || !slices.Equal(e.Namespaces("test"), []string{"fresh", "own"}) {
		t.Errorf("%d pending, namespaces %v", e.Pending("test", "own"), e.Namespaces("test"))
	}
	if stored := e.Vectors("test", "own"); len(stored) != 3 || stored[0].Metadata["b"] != 2.0 || stored[2].ID != "new" {
		t.Errorf("accepted: %+v", stored)
	}
	e.Release()
	if got := idsOf(query(t, conn, v, 10)); !slices.Equal(got, []string{"changed", "kept", "new"}) {
		t.Errorf("released, a query sees %v", got)
	}
	if got := fetched(t, conn, "changed").Metadata.AsMap(); len(got) != 2 {
		t.Errorf("released, fetch sees %v", got)
	}
	if e.Pending("test", "own") != 0 {
		t.Error("something is pending after the release")
	}
}

func fetched(t *testing.T, conn *pinecone.IndexConnection, id string) *pinecone.Vector {
	t.Helper()
	answer, err := conn.FetchVectors(t.Context(), []string{id})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Vectors[id] == nil {
		t.Fatalf("%s is not there", id)
	}
	return answer.Vectors[id]
}

func TestWritesBecomeVisibleAfterTheDelay(t *testing.T) {
	t.Parallel()
	const delay = 150 * time.Millisecond
	_, conn := setUp(t, Config{Visibility: Visibility{Delay: delay}}, 2)
	v := []float32{1, 0}
	accepted := time.Now()
	upsert(t, conn, record(t, "a", v, nil))
	for len(query(t, conn, v, 1)) == 0 {
		if time.Since(accepted) > 10*time.Second {
			t.Fatal("never visible")
		}
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(accepted); took < delay {
		t.Errorf("visible after %v, before the delay of %v", took, delay)
	}
}

func TestNumbersTellHowFreshAnAnswerIs(t *testing.T) {
	t.Parallel()
	e := start(t, Config{})
	client := connect(t, e)
	var h headers
	conn := open(t, client, createIndex(t, client, "test", 2).Host, "own", h.option())
	v := []float32{1, 0}
	for want := 1; want <= 2; want++ {
		upsert(t, conn, record(t, "a", v, nil))
		if got := h.number(t, requestLSN); got != want {
			t.Errorf("write %d has the number %d", want, got)
		}
	}
	upsert(t, conn.WithNamespace("other"), record(t, "a", v, nil))
	if got := h.number(t, requestLSN); got != 1 {
		t.Errorf("another namespace's first write has the number %d", got)
	}
	e.SetVisibility(Visibility{Hold: true})
	wantCode(t, conn.DeleteVectorsById(t.Context(), []string{"a"}), codes.OK)
	if got := h.number(t, requestLSN); got != 3 {
		t.Errorf("the deletion has the number %d", got)
	}
	query(t, conn, v, 1)
	if got := h.number(t, maxIndexedLSN); got != 2 {
		t.Errorf("before the release a query includes %d", got)
	}
	e.Release()
	query(t, conn, v, 1)
	if got := h.number(t, maxIndexedLSN); got != 3 {
		t.Errorf("after the release a query includes %d", got)
	}
	if _, err := conn.FetchVectors(t.Context(), []string{"a"}); err != nil || h.number(t, maxIndexedLSN) != 3 {
		t.Errorf("a fetch includes %d: %v", h.number(t, maxIndexedLSN), err)
	}
	if _, err := conn.ListVectors(t.Context(), &pinecone.ListVectorsRequest{}); err != nil || h.number(t, maxIndexedLSN) != 3 {
		t.Errorf("a list includes %d: %v", h.number(t, maxIndexedLSN), err)
	}
}
