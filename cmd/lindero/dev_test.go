package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"lindero/client"
)

// screen collects what a command prints and can be waited on.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newScreen() *screen { return &screen{changed: make(chan struct{}, 1)} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// dev is a `lindero dev` that runs inside the test.
type dev struct {
	out, err *screen
	stop     context.CancelFunc
	code     chan int
}

func startDev(t *testing.T, dataDir string, flags ...string) *dev {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := &dev{out: newScreen(), err: newScreen(), stop: cancel, code: make(chan int, 1)}
	go func() {
		d.code <- run(&console{ctx: ctx, in: strings.NewReader(""), out: d.out, err: d.err},
			append([]string{"dev", "--listen", "127.0.0.1:0", "--data-dir", dataDir, "--log-level", "warn"}, flags...))
	}()
	t.Cleanup(cancel)
	timeout := time.After(2 * time.Minute)
	for !strings.Contains(d.out.String(), "Stop with Ctrl-C") {
		select {
		case <-d.out.changed:
		case code := <-d.code:
			t.Fatalf("lindero dev ended with %d:\n%s\n%s", code, d.out, d.err)
		case <-timeout:
			t.Fatalf("lindero dev is not ready:\n%s\n%s", d.out, d.err)
		}
	}
	return d
}

// end is Ctrl-C.
func (d *dev) end(t *testing.T) {
	t.Helper()
	d.stop()
	if code := <-d.code; code != exitOK {
		t.Errorf("exit code %d:\n%s", code, d.err)
	}
}

var (
	urlPattern = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	keyPattern = regexp.MustCompile(`(?m)^  (chogar|amovil|afijo) .* (lk_\S+)$`)
)

func (d *dev) clients(t *testing.T) map[string]*client.Client {
	t.Helper()
	clients := map[string]*client.Client{}
	for _, match := range keyPattern.FindAllStringSubmatch(d.out.String(), -1) {
		c, err := client.New(client.Config{URL: urlPattern.FindString(d.out.String()), Key: match[2]})
		if err != nil {
			t.Fatal(err)
		}
		clients[match[1]] = c
	}
	if len(clients) != 3 {
		t.Fatalf("three keys wanted:\n%s", d.out)
	}
	return clients
}

// TestDevFromNothingAndAgain is a stranger's first five minutes: start, search, add, stop, start again.
func TestDevFromNothingAndAgain(t *testing.T) {
	dir := t.TempDir()
	started := time.Now()
	first := startDev(t, dir)
	fromNothing := time.Since(started)
	clients := first.clients(t)
	found, err := clients["chogar"].Search(t.Context(), client.SearchRequest{Query: "cancel my contract"})
	if err != nil || len(found.Results) == 0 {
		t.Fatalf("the demo answers %+v, %v", found, err)
	}
	note := client.NewDocument{Title: "My note", Text: "The spare key lies under the blue flower pot."}
	put, err := clients["chogar"].PutDocument(t.Context(), "default", "my-note", note, client.PutOptions{Wait: 30 * time.Second})
	if err != nil || put.Document.Status != "indexed" {
		t.Fatalf("the document came back as %+v, %v", put, err)
	}
	if _, err := clients["amovil"].Document(t.Context(), "default", "my-note"); !client.IsNotFound(err) {
		t.Errorf("another tenant's look at the document gives %v", err)
	}
	first.end(t)

	started = time.Now()
	second := startDev(t, dir)
	if took := time.Since(started); took > max(10*time.Second, fromNothing) {
		t.Errorf("the second start took %v, the first %v", took, fromNothing)
	}
	for slug, c := range second.clients(t) {
		found, err := c.Search(t.Context(), client.SearchRequest{Query: "spare key flower pot", Mode: "lexical"})
		if err != nil {
			t.Fatal(err)
		}
		own := false
		for _, hit := range found.Results {
			own = own || hit.DocumentID == "my-note"
		}
		if own != (slug == "chogar") {
			t.Errorf("%s finds the note: %v", slug, own)
		}
	}
	second.end(t)
}

func TestWrongUsage(t *testing.T) {
	t.Setenv("LINDERO_API_KEY", "")
	for _, args := range [][]string{{"nonsense"}, {"search"}, {"search", "x"}, {"serve"}, {"tenant", "delete", "acme"}, {"ingest", "/nowhere/at/all"}} {
		c := &console{ctx: t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
		if code := run(c, args); code != exitUsage {
			t.Errorf("lindero %v ended with %d, want %d", args, code, exitUsage)
		}
	}
}
