package pineconeemu

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestFaultsOfWrites(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault   Fault
		code    codes.Code
		applied bool
	}{
		{Fault{Kind: Unavailable}, codes.Unavailable, false},
		{Fault{Kind: Unavailable, Applied: true}, codes.Unavailable, true},
		{Fault{Kind: ResourceExhausted}, codes.ResourceExhausted, false},
		{Fault{Kind: DeadlineExceeded}, codes.DeadlineExceeded, false},
		{Fault{Kind: DeadlineExceeded, Applied: true}, codes.DeadlineExceeded, true},
		{Fault{Kind: Internal}, codes.Internal, false},
		{Fault{Kind: Drop}, codes.Unavailable, false},
		{Fault{Kind: Drop, Applied: true}, codes.Unavailable, true},
		{Fault{Kind: Truncate}, codes.Internal, true},
		{Fault{Kind: Partial}, codes.OK, true},
		{Fault{Kind: Slow, Delay: time.Millisecond}, codes.OK, true},
	} {
		t.Run(fmt.Sprintf("%s applied=%v", c.fault.Kind, c.fault.Applied), func(t *testing.T) {
			t.Parallel()
			e, conn := setUp(t, Config{}, 2)
			upsert(t, conn, record(t, "before", []float32{1, 0}, nil)) // also connects
			e.ResetCalls()
			c.fault.Method, c.fault.Times = "Upsert", 1
			injection := e.Inject(c.fault)
			_, err := conn.UpsertVectors(t.Context(), []*pinecone.Vector{record(t, "new", []float32{1, 0}, nil)})
			wantCode(t, err, c.code)
			if got := len(e.Vectors("test", "own")) == 2; got != c.applied {
				t.Errorf("applied: %v, want %v", got, c.applied)
			}
			calls := e.Calls()
			if len(calls) != 1 || calls[0].Fault != c.fault.Kind.String() || injection.Hits() != 1 {
				t.Errorf("the SDK called %d times, hit %d times: %+v", len(calls), injection.Hits(), calls)
			}
			upsert(t, conn, record(t, "new", []float32{1, 0}, nil)) // the fault is used up; a cut connection is made again
		})
	}
}

func TestFaultsOfQueries(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 2)
	upsert(t, conn, many(t, 8, 2, nil)...)
	ask := func(ctx context.Context) (int, error) {
		answer, err := conn.QueryByVectorValues(ctx, &pinecone.QueryByVectorValuesRequest{Vector: []float32{1, 0}, TopK: 8})
		if err != nil {
			return 0, err
		}
		return len(answer.Matches), nil
	}
	e.Inject(Fault{Method: "Query", Kind: Truncate, Times: 1})
	_, err := ask(t.Context())
	wantCode(t, err, codes.Internal)
	e.Inject(Fault{Method: "Query", Kind: Partial, Times: 1})
	if n, err := ask(t.Context()); n != 4 || err != nil {
		t.Errorf("half an answer has %d matches: %v", n, err)
	}
	slow := e.Inject(Fault{Method: "Query", Kind: Slow, Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = ask(ctx)
	wantCode(t, err, codes.DeadlineExceeded)
	slow.Remove()
	if n, err := ask(t.Context()); n != 8 || err != nil {
		t.Errorf("afterwards %d matches: %v", n, err)
	}
}

func TestCallsCanBeHeld(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 2)
	upsert(t, conn, many(t, 1, 2, nil)...)
	held := e.Inject(Fault{Method: "Delete", Kind: Slow, Times: 1})
	answered := make(chan error)
	go func() { answered <- conn.DeleteVectorsById(t.Context(), []string{"id-00000"}) }()
	if err := held.Await(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := len(e.Vectors("test", "own")); got != 1 {
		t.Errorf("a held deletion has left %d records", got)
	}
	held.Remove()
	held.Remove()
	wantCode(t, <-answered, codes.OK)
	if got := len(e.Vectors("test", "own")); got != 0 {
		t.Errorf("a released deletion has left %d records", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := held.Await(ctx, 2); err == nil {
		t.Error("waited for a hit that never came")
	}
}

func TestPartialFetchLacksHalf(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 2)
	upsert(t, conn, many(t, 8, 2, nil)...)
	e.Inject(Fault{Method: "Fetch", Kind: Partial})
	answer, err := conn.FetchVectors(t.Context(), []string{"id-00000", "id-00001", "id-00002", "id-00003"})
	if err != nil || len(answer.Vectors) != 2 {
		t.Errorf("%v: %v", answer, err)
	}
}

func TestFaultsHitWhatTheyName(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{}, 2)
	upsert(t, conn, many(t, 2, 2, nil)...)
	e.Inject(Fault{Method: "Delete", Namespace: "other", Index: "test", Skip: 2, Times: 2})
	del := func(namespace string) codes.Code {
		upsert(t, conn.WithNamespace(namespace), many(t, 1, 2, nil)...)
		return status.Code(conn.WithNamespace(namespace).DeleteVectorsById(t.Context(), []string{"id-00000"}))
	}
	var got []codes.Code
	for range 6 {
		got = append(got, del("other"))
		if c := del("own"); c != codes.OK {
			t.Errorf("another namespace was hit: %s", c)
		}
	}
	if fmt.Sprint(got) != "[OK OK Unavailable Unavailable OK OK]" {
		t.Errorf("hit in order: %v", got)
	}
}

func TestProbabilityIsKept(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{Seed: 7}, 2)
	in := e.Inject(Fault{Method: "DescribeIndexStats", Probability: 0.3})
	const calls = 1000
	failed := 0
	for range calls {
		if _, err := conn.DescribeIndexStats(t.Context()); err != nil {
			failed++
		}
	}
	if failed != in.Hits() || failed < calls/5 || failed > calls*2/5 {
		t.Errorf("%d of %d failed, %d hits", failed, calls, in.Hits())
	}
	e.ClearFaults()
	if _, err := conn.DescribeIndexStats(t.Context()); err != nil {
		t.Errorf("after ClearFaults: %v", err)
	}
}

func TestFaultsOfTheControlPlane(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault  Fault
		status int    // 0 for an error that is not an answer
		text   string // in the error
		exists bool
	}{
		{Fault{Kind: Unavailable}, http.StatusServiceUnavailable, "UNAVAILABLE", false},
		{Fault{Kind: Unavailable, Applied: true}, http.StatusServiceUnavailable, "UNAVAILABLE", true},
		{Fault{Kind: ResourceExhausted}, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", false},
		{Fault{Kind: DeadlineExceeded}, http.StatusGatewayTimeout, "DEADLINE_EXCEEDED", false},
		{Fault{Kind: Internal}, http.StatusInternalServerError, "INTERNAL", false},
		{Fault{Kind: Drop}, 0, "EOF", false},
		{Fault{Kind: Drop, Applied: true}, 0, "EOF", true},
		{Fault{Kind: Truncate}, 0, "EOF", true},
	} {
		e := start(t, Config{})
		client := connect(t, e)
		c.fault.Method, c.fault.Times = "CreateIndex", 1
		e.Inject(c.fault)
		dimension := int32(2)
		_, err := client.CreateServerlessIndex(t.Context(), &pinecone.CreateServerlessIndexRequest{
			Name: "new", Dimension: &dimension, Cloud: pinecone.Aws, Region: "us-east-1",
		})
		if c.status != 0 {
			wantStatus(t, err, c.status)
		}
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s applied=%v: %v, want %q", c.fault.Kind, c.fault.Applied, err, c.text)
		}
		if got := len(e.Indexes()) == 1; got != c.exists {
			t.Errorf("%s applied=%v: exists: %v", c.fault.Kind, c.fault.Applied, got)
		}
	}
}
