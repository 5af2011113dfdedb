package pineconeemu

import (
	"testing"
	"time"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
)

// TestCloseEndsCallsThatHang also shows that a call which was hanging leaves nothing behind.
func TestCloseEndsCallsThatHang(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{Dir: t.TempDir()}, 2)
	upsert(t, conn, record(t, "a", []float32{1, 0}, nil))
	hanging := e.Inject(Fault{Method: "Upsert", Kind: Slow, Delay: time.Hour})
	answered := make(chan error)
	go func() {
		_, err := conn.UpsertVectors(t.Context(), []*pinecone.Vector{record(t, "b", []float32{1, 0}, nil)})
		answered <- err
	}()
	if err := hanging.Await(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-answered, codes.Unavailable)
	if err := e.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	e, _ = reopen(t, e.cfg.Dir)
	if got := e.Vectors("test", "own"); len(got) != 1 {
		t.Errorf("%d records", len(got))
	}
}
