package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lindero/fault"
	"lindero/internal/memtest"
	"lindero/tenant"
)

func testExchange(t *testing.T, body io.Reader, length int64) *exchange {
	t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/", body)
	request.ContentLength = length
	return &exchange{request: request, writer: recorder}
}

func TestBodiesShareMemory(t *testing.T) {
	t.Parallel()
	m := newBodyMemory(10 << 20)
	m.patience = 20 * time.Millisecond
	large, small := testExchange(t, nil, 0), testExchange(t, nil, 0)
	if err := m.reserve(large, 500<<20); err != nil { // more than there is: alone
		t.Fatal(err)
	}
	err := m.reserve(testExchange(t, nil, 0), 2<<20)
	if p, known := describe("id", err); p.Status != http.StatusServiceUnavailable || known.RetryAfter != bodyRetry {
		t.Errorf("answered %+v, come back after %v", p, known.RetryAfter)
	}
	if err := m.reserve(small, smallBody); err != nil {
		t.Errorf("a small body waited for a large one: %v", err)
	}
	waited := make(chan error)
	m.patience = time.Minute
	second := testExchange(t, nil, 0)
	go func() { waited <- m.reserve(second, 2<<20) }()
	large.releaseBody()
	if err := <-waited; err != nil {
		t.Errorf("the next was not let in: %v", err)
	}
	second.releaseBody()
	second.releaseBody() // twice does no harm
	if err := m.reserve(large, 10<<20); err != nil {
		t.Errorf("memory was lost: %v", err)
	}
}

func TestAClientThatLeavesDoesNotWaitForMemory(t *testing.T) {
	t.Parallel()
	m := newBodyMemory(10 << 20)
	if err := m.reserve(testExchange(t, nil, 0), 10<<20); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ex := testExchange(t, nil, 0)
	ex.request = ex.request.WithContext(ctx)
	cancel()
	if err := m.reserve(ex, 2<<20); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestReadAllReadsAnnouncedAndUnannouncedBodies(t *testing.T) {
	t.Parallel()
	s := &server{memory: newBodyMemory(64 << 20)}
	for _, size := range []int{0, 1, smallBody - 1, smallBody, smallBody + 1, 3 << 20} {
		want := strings.Repeat("x", size)
		for _, length := range []int64{int64(size), -1} {
			ex := testExchange(t, strings.NewReader(want), length)
			got, err := s.readAll(ex, 4<<20)
			if err != nil || string(got) != want {
				t.Errorf("%d bytes, announced %d: got %d, %v", size, length, len(got), err)
			}
			ex.releaseBody()
		}
		if size <= 1 {
			continue
		}
		ex := testExchange(t, strings.NewReader(want), -1)
		if _, err := s.readAll(ex, int64(size)-1); !fault.Is(err, fault.PayloadTooLarge) {
			t.Errorf("%d bytes of %d: got %v", size, size-1, err)
		}
		ex.releaseBody()
	}
	if !s.memory.large.TryAcquire(64<<20) || !s.memory.small.TryAcquire(smallMemory) {
		t.Error("memory was lost")
	}
}

// TestAStreamHoldsMemoryForLargeDocumentsOnly reads a stream whose documents are small, large and small again.
func TestAStreamHoldsMemoryForLargeDocumentsOnly(t *testing.T) {
	t.Parallel()
	s := &server{memory: newBodyMemory(64 << 20)}
	ex := testExchange(t, strings.NewReader(strings.Repeat("x", 20<<20)), -1)
	st, err := s.openStream(ex, "test", 32<<20)
	if err != nil {
		t.Fatal(err)
	}
	free := func() bool {
		ok := s.memory.large.TryAcquire(64 << 20)
		if ok {
			s.memory.large.Release(64 << 20)
		}
		return ok
	}
	read := func(n int64) {
		t.Helper()
		if _, err := io.CopyN(io.Discard, st, n); err != nil {
			t.Fatal(err)
		}
	}
	if read(1 << 20); !free() {
		t.Error("a small document took memory")
	}
	st.taken()
	if read(largePiece + 1<<20); free() {
		t.Error("a large document took none")
	}
	if st.taken(); !free() {
		t.Error("it was not let go of")
	}
	if read(1 << 20); !free() {
		t.Error("a small document took memory")
	}
	ex.releaseBody()
	if !s.memory.stream.TryAcquire(streams) {
		t.Error("the stream's share was lost")
	}
}

// TestLargeUploadsAtTheSameTimeTakeBoundedMemory sends files of 100 MiB side by side, and then sees a small
// request answered beside them. It measures client and server together; the client sends from one shared buffer.
func TestLargeUploadsAtTheSameTimeTakeBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("stores 400 MiB")
	}
	d := deployLimited(t, Limits{})
	_, as := d.tenant("uploads")
	writer := as(tenant.Writer)
	file := bytes.Repeat([]byte("\x00\x01\x02garbage that no parser reads\xff"), 100<<20/32)
	upload := func(n int) int64 {
		return memtest.Peak(t, func() {
			var all sync.WaitGroup
			for i := range n {
				all.Go(func() {
					got := writer.send(http.MethodPut, "/v1/collections/default/documents/"+strings.Repeat("f", i+n), bytes.NewReader(file), "Content-Type", "application/octet-stream")
					if got.status != http.StatusAccepted && got.status != http.StatusServiceUnavailable {
						t.Errorf("upload answered %d %s", got.status, got.body)
					}
					if got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") == "" {
						t.Error("no Retry-After")
					}
				})
			}
			writer.json(http.MethodGet, "/v1/collections/default/documents", nil, http.StatusOK)
			all.Wait()
		})
	}
	one := upload(1)
	four := upload(4)
	t.Logf("peak heap: one upload of 100 MiB %d MiB, four at the same time %d MiB", one>>20, four>>20)
	// Workers read what was stored while the next upload comes in: 600 to 800 MiB. Bodies that do not wait for one
	// another take 1,400.
	if four > 7*one/2 {
		t.Errorf("four uploads at the same time take %d MiB, one takes %d MiB", four>>20, one>>20)
	}
}
