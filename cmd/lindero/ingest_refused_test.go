package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// refuse puts something before the server that handles the first requests with documents itself.
func refuse(t *testing.T, server string, times int, answer http.HandlerFunc) (front string) {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	var seen atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/documents") && seen.Add(1) <= int64(times) {
			answer(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// with answers with a problem.
func with(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/problem+json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"status":%d,"code":"some_code","detail":"not now"}`, status)
	}
}

// TestRefusedRequests has the server refuse what is sent, in every way it may.
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	s := serve(t)
	cut := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}
	for name, tt := range map[string]struct {
		times    int
		answer   http.HandlerFunc
		want     int
		uploaded int
		failures int
		atLeast  time.Duration
		says     string
	}{
		"queue is full":         {2, with(429, "Retry-After", "1"), exitOK, 60, 0, 2 * time.Second, ""},
		"restarting":            {2, with(503, "Retry-After", "1"), exitOK, 60, 0, 2 * time.Second, ""},
		"connection cut":        {2, cut, exitOK, 60, 0, 0, ""},
		"one request broken":    {1, with(500), exitFailure, 0, 60, 0, ""},
		"key revoked":           {1, with(401), exitFailure, 0, 0, 0, "To go on, run the same command again"},
		"collection taken away": {1, with(404), exitFailure, 0, 0, 0, "To go on, run the same command again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			me := s.customer(t, strings.ReplaceAll(name, " ", "-"))
			dir := t.TempDir()
			corpus(t, dir, 60)
			me.url = refuse(t, s.url, tt.times, tt.answer)
			began := time.Now()
			code, out, problems := me.command("", "ingest", dir)
			if code != tt.want || !strings.Contains(problems, tt.says) || !strings.Contains(out, fmt.Sprintf(" %d uploaded, 0 unchanged, 0 deleted, %d failed", tt.uploaded, tt.failures)) {
				t.Errorf("%d\n%s%s", code, out, problems)
			}
			if took := time.Since(began); took < tt.atLeast {
				t.Errorf("took %v, told to wait %v", took, tt.atLeast)
			}
			if again := me.ingest(exitOK, dir); again.Uploaded != 60-tt.uploaded || again.Unchanged != tt.uploaded {
				t.Errorf("again: %+v", again)
			}
			for id, d := range me.documents() {
				if d.Version != 1 {
					t.Errorf("%s has version %d", id, d.Version)
				}
			}
		})
	}
	t.Run("no server", func(t *testing.T) {
		me := s.customer(t, "nowhere")
		me.url = "http://127.0.0.1:1"
		if code, _, problems := me.command("", "ingest", t.TempDir()); code != exitFailure || !strings.Contains(problems, "no answer from 127.0.0.1:1") {
			t.Errorf("%d %s", code, problems)
		}
		me.url = s.url
		if code, _, problems := me.command("", "ingest", "--collection", "nobodys", t.TempDir()); code != exitFailure || !strings.Contains(problems, "nobodys") {
			t.Errorf("%d %s", code, problems)
		}
	})
}
