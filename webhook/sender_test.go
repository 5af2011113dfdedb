package webhook

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/client"
	"lindero/store"
)

const testSecret = "whsec_of-the-tests"

// delivery is one to a URL.
func delivery(url string) store.DueDelivery {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789000, time.UTC)
	return store.DueDelivery{
		ID: uuid.New(), URL: url, Secret: testSecret, Event: store.EventOperationFinished, CreatedAt: at,
		Operation: store.FinishedOperation{ID: uuid.New(), Kind: "ingest", Status: store.PartiallyFailed, Total: 3, Done: 3, Failed: 1, CreatedAt: at, FinishedAt: at},
	}
}

// receive starts a receiver. It reads the body first: until then net/http does not notice that a sender hangs up.
func receive(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// local sends to this machine.
func local(timeout time.Duration) *Sender {
	return NewSender(Config{Policy: Policy{Allow: Loopback}, Timeout: timeout})
}

func TestDeliveryIsVerifiable(t *testing.T) {
	t.Parallel()
	var header http.Header
	var body []byte
	url := receive(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	})
	d := delivery(url + "/path?query=1")
	if got := local(0).Send(t.Context(), d); !got.Delivered || got.ResponseStatus != 202 || got.Code != "" {
		t.Fatalf("%+v", got)
	}
	event, err := client.VerifyWebhook(testSecret, header, body, 0)
	if err != nil {
		t.Fatal(err)
	}
	op := event.Operation
	if event.ID != d.ID.String() || header.Get(DeliveryHeader) != event.ID || header.Get(EventHeader) != d.Event || header.Get("Content-Type") != "application/json" ||
		op.ID != d.Operation.ID.String() || op.Status != "partially_failed" || op.Counts.Failed != 1 || !op.FinishedAt.Equal(d.Operation.FinishedAt) || op.StartedAt != nil {
		t.Errorf("%v %s", header, body)
	}
	if _, err := client.VerifyWebhook("whsec_of-another", header, body, 0); err == nil {
		t.Error("another secret verifies")
	}
}

// TestOldDeliveryIsNoReplay signs by a clock that is an hour behind.
func TestOldDeliveryIsNoReplay(t *testing.T) {
	t.Parallel()
	var header http.Header
	var body []byte
	url := receive(t, func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
	})
	sender := NewSender(Config{Policy: Policy{Allow: Loopback}, Now: func() time.Time { return time.Now().Add(-time.Hour) }})
	if got := sender.Send(t.Context(), delivery(url)); !got.Delivered {
		t.Fatalf("%+v", got)
	}
	if _, err := client.VerifyWebhook(testSecret, header, body, 0); err != client.ErrWebhookTime {
		t.Errorf("an hour later it is %v", err)
	}
	if _, err := client.VerifyWebhook(testSecret, header, body, 2*time.Hour); err != nil {
		t.Error(err)
	}
}

func TestWhatReceiversAnswer(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := receive(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		code    string
		status  int
		retry   time.Duration
	}{
		"error":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "status", 500, 0},
		"redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusTemporaryRedirect) }, "redirect", 307, 0},
		"busy": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(429)
		}, "status", 429, 2 * time.Minute},
		"asks too much": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "99999999999")
			w.WriteHeader(503)
		}, "status", 503, longestRetry},
		"hangs up":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "connection", 0, 0},
		"endless headers": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 64<<10)) }, "connection", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := local(0).Send(t.Context(), delivery(receive(t, c.handler)))
			if got.Delivered || got.Code != c.code || got.ResponseStatus != c.status || got.Retry != c.retry || got.Detail == "" {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Cleanup(func() {
		if elsewhere.Load() > 0 {
			t.Error("a redirect was followed")
		}
	})
}

// TestHugeAnswerIsNotRead has a receiver answer without end: the attempt is over when a little was read.
func TestHugeAnswerIsNotRead(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	ended := make(chan struct{})
	url := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		chunk := make([]byte, 64<<10)
		for {
			n, err := w.Write(chunk)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	if got := local(0).Send(t.Context(), delivery(url)); !got.Delivered || got.ResponseStatus != 200 {
		t.Errorf("%+v", got)
	}
	<-ended // because the sender hung up
	if n := written.Load(); n > 32<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

func TestSlowReceiversTimeOut(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for name, url := range map[string]string{
		"silent": "http://" + silent.Addr().String(),
		"hangs":  receive(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		"drips headers": receive(t, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil { // informational answers, again and again
				w.WriteHeader(http.StatusEarlyHints)
				time.Sleep(50 * time.Millisecond)
			}
		}),
		"TLS that says nothing": "https://" + silent.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			got := local(300*time.Millisecond).Send(t.Context(), delivery(url))
			if got.Delivered || got.Code != "timeout" && name != "drips headers" || time.Since(began) > 10*time.Second {
				t.Errorf("%+v after %v", got, time.Since(began))
			}
		})
	}
	// The status counts, however long the rest takes; but it is not waited for. There is time for the status on a slow
	// machine, and for less of the rest than is read.
	began := time.Now()
	got := local(5*time.Second).Send(t.Context(), delivery(receive(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("."))
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	})))
	if !got.Delivered || time.Since(began) > 30*time.Second {
		t.Errorf("%+v after %v", got, time.Since(began))
	}
}

func TestNoConnection(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	plain := receive(t, func(http.ResponseWriter, *http.Request) {})
	for url, code := range map[string]string{
		"http://" + closed.Addr().String():          "connection",
		untrusted.URL:                               "tls",
		"https" + strings.TrimPrefix(plain, "http"): "tls",
	} {
		if got := local(0).Send(t.Context(), delivery(url)); got.Delivered || got.Code != code || strings.Contains(got.Detail, "127.0.0.1") {
			t.Errorf("%s: %+v, want %s", url, got, code)
		}
	}
	lost := delivery(plain)
	lost.Secret = ""
	if got := local(0).Send(t.Context(), lost); got.Code != "secret" {
		t.Errorf("without a secret: %+v", got)
	}
}

// TestProxyOfTheEnvironmentIsIgnored would deliver through the proxy if there were one.
func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	var asked atomic.Int64
	proxy := receive(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	got := NewSender(Config{Timeout: time.Second}).Send(ctx, delivery("http://10.255.255.1/"))
	if got.Code != "address" || asked.Load() > 0 {
		t.Errorf("%+v, the proxy was asked %d times", got, asked.Load())
	}
}

func ExampleSign() {
	fmt.Println(Sign("secret", time.Unix(1700000000, 0), []byte(`{"id":"1"}`)))
	// Output: t=1700000000,v1=086f6aff7bd084c98679825129c5a64dbad88c760016d6d2c0fb123f27951d54
}
