package wholewrite_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"lindero/internal/wholewrite"
)

// counted counts the writes of its connections, and refuses them when it is told to.
type counted struct {
	net.Listener
	writes  atomic.Int64
	refused atomic.Bool
}

var errRefused = errors.New("refused")

type countedConn struct {
	net.Conn
	of *counted
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countedConn{c, l}, err
}

func (c countedConn) Write(p []byte) (int, error) {
	c.of.writes.Add(1)
	if c.of.refused.Load() {
		return 0, errRefused
	}
	return c.Conn.Write(p)
}

// serve answers GET /N with N bytes and a length, written by write.
func serve(t *testing.T, write func(*http.Request, http.ResponseWriter, []byte) (int, error)) (url string, listener *counted) {
	t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Path[1:])
		w.Header().Set("Content-Length", strconv.Itoa(n))
		_, _ = write(r, w, bytes.Repeat([]byte{'x'}, n))
	})
	server := httptest.NewUnstartedServer(handler)
	listener = &counted{Listener: server.Listener}
	server.Listener = wholewrite.Listener{Listener: listener}
	server.Config.ConnContext = wholewrite.WithConn
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, listener
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestAnswersLeaveInOnePiece(t *testing.T) {
	t.Parallel()
	whole, wholeWrites := serve(t, func(r *http.Request, w http.ResponseWriter, p []byte) (int, error) {
		return wholewrite.Write(r.Context(), w, p)
	})
	plain, plainWrites := serve(t, func(_ *http.Request, w http.ResponseWriter, p []byte) (int, error) { return w.Write(p) })
	for _, c := range []struct{ size, whole, plain int64 }{{0, 1, 1}, {100, 1, 1}, {3 << 10, 1, 1}, {4 << 10, 1, 2}, {15_000, 1, 2}, {64 << 10, 1, 2}, {64<<10 + 1, 2, 2}} {
		for _, way := range []struct {
			url    string
			writes *counted
			want   int64
		}{{whole, wholeWrites, c.whole}, {plain, plainWrites, c.plain}} {
			before := way.writes.writes.Load()
			if body := get(t, way.url+"/"+strconv.FormatInt(c.size, 10)); int64(len(body)) != c.size || len(bytes.Trim(body, "x")) > 0 {
				t.Errorf("%d bytes came as %d", c.size, len(body))
			}
			if n := way.writes.writes.Load() - before; n != way.want {
				t.Errorf("%d bytes in %d writes, want %d", c.size, n, way.want)
			}
		}
	}
}

func TestFailedWriteIsReported(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	url, listener := serve(t, func(r *http.Request, w http.ResponseWriter, p []byte) (int, error) {
		_, err := wholewrite.Write(r.Context(), w, p)
		failed <- err
		return 0, err
	})
	listener.refused.Store(true)
	if answer, err := http.Get(url + "/15000"); err == nil {
		_ = answer.Body.Close()
		t.Error("an answer came through a connection that refuses it")
	}
	if err := <-failed; !errors.Is(err, errRefused) {
		t.Errorf("the writer got %v", err)
	}
}
