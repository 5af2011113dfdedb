package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"lindero/internal/evaldata"
)

// number is an environment variable for larger runs, or what a run has without it.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKilledAndResumed kills the command at random moments of sending a folder of mixed files, and runs it again,
// until it ends by itself. What there is in the end is what another tenant got without being disturbed, byte for
// byte, and nothing that the server had when a run began was sent in it.
// LINDERO_CRASH_FILES and LINDERO_CRASH_KILLS make it larger.
func TestKilledAndResumed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mixedFolder(t, dir, number(t, "LINDERO_CRASH_FILES", 1200))
	killAndResume(t, dir, number(t, "LINDERO_CRASH_KILLS", 5))
}

// TestKilledAndResumedOnPublishedFiles does the same with PDF, DOCX, XLSX and others as people write them.
func TestKilledAndResumedOnPublishedFiles(t *testing.T) {
	if os.Getenv("LINDERO_CRASH_FORMATS") == "" {
		t.Skip("takes minutes; set LINDERO_CRASH_FORMATS=1")
	}
	killAndResume(t, evaldata.Dir(t, "formats"), number(t, "LINDERO_CRASH_KILLS", 10))
}

func killAndResume(t *testing.T, dir string, kills int) {
	t.Helper()
	s := serve(t)
	calm, hurt := s.customer(t, "calm"), s.customer(t, "hurt")
	undisturbed := calm.ingest(exitFailure, dir) // some files are damaged
	failures, _ := calm.untilInTime(dir, undisturbed)

	watched := watch(t, s.url)
	hurt.url = watched.url
	killed, partial, sent := 0, 0, 0
	var last *summary
	for run := 0; last == nil; run++ {
		before := hurt.documents()
		if 0 < len(before) && len(before) < undisturbed.Uploaded {
			partial++
		}
		parallel := "3"
		if run == 0 {
			parallel = "1" // so that one batch is there for certain when its answer is awaited
		}
		p := hurt.start(nil, "ingest", "--json", "--parallel", parallel, dir)
		watched.kill(p, run, kills, undisturbed.Bytes)
		last = p.summary()
		uploads := watched.end()
		for _, id := range uploads {
			if d, there := before[id]; there && d.Status != "failed" {
				t.Errorf("run %d sent %s, which was there as %s", run, id, d.Status)
			}
		}
		sent += len(uploads)
		if last == nil {
			killed++
		}
	}
	failed, again := hurt.untilInTime(dir, *last)
	if diff := cmp.Diff(failures, failed); diff != "" {
		t.Errorf("failures without and with kills:\n%s", diff)
	}
	for id, d := range hurt.documents() {
		if d.Version != 1 && !again[id] {
			t.Errorf("%s has version %d", id, d.Version)
		}
	}
	want, got := chunksOf(t, s, "calm"), chunksOf(t, s, "hurt")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chunks without and with kills differ:\n%.4000s", diff)
	}
	t.Logf("%d documents, %d kills, of which %d with part of them there; %d sent by all runs together, %d chunks",
		undisturbed.Uploaded, killed, partial, sent, len(want))
	if partial == 0 {
		t.Error("no run was resumed with part of the documents there: nothing was tested")
	}
}

// untilInTime returns the failures of a run and of as many more as it takes until none is for want of time, which on a
// busy machine is nobody's fault, and the documents that were sent again for it.
func (c *customer) untilInTime(dir string, s summary) (failures []failure, again map[string]bool) {
	c.t.Helper()
	again = map[string]bool{}
	for range 5 {
		late := 0
		for _, f := range s.Failures {
			if f.Code == "timeout" {
				late++
				again[f.ID] = true
			}
		}
		if late == 0 {
			break
		}
		s = c.ingest(exitFailure, dir)
	}
	return s.Failures, again
}

// summary waits for the end and returns what the process printed; nil when it was killed.
func (p *process) summary() *summary {
	p.t.Helper()
	switch code := p.code(); {
	case code == -1:
		return nil
	case code != exitFailure:
		p.t.Fatalf("ended with %d:\n%s%s", code, p.out, p.err)
	}
	var s summary
	if err := json.Unmarshal([]byte(p.out.String()), &s); err != nil {
		p.t.Fatal(err)
	}
	return &s
}

// mixedFolder has files of many kinds, some that nobody can read, and lines.
func mixedFolder(t *testing.T, dir string, files int) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	words := func(n int) string {
		var b strings.Builder
		for range n {
			fmt.Fprintf(&b, "w%d ", random.IntN(3000))
		}
		return b.String()
	}
	kinds := []func(i int) (name, content string){
		func(i int) (string, string) {
			return "notes.md", fmt.Sprintf("# Note %d\n\n%s\n\n## More\n\n%s.\n", i, words(150), words(300))
		},
		func(i int) (string, string) {
			return "página.html", "<h1>Title</h1><p>" + words(200) + "</p><table><tr><td>a<td>b</table>"
		},
		func(i int) (string, string) {
			return "rows.csv", "name,value\n" + strings.Repeat("x,"+words(3)+"\n", 40)
		},
		func(i int) (string, string) { return "data.json", fmt.Sprintf(`{"n":%d,"text":%q}`, i, words(50)) },
		func(i int) (string, string) { return "latin1.txt", "caf\xe9 " + words(100) },
		func(i int) (string, string) { return "mail.eml", "From: a@b.c\r\nSubject: S\r\n\r\n" + words(80) },
		func(i int) (string, string) { return "damaged.docx", "PK\x03\x04" + words(5) },
	}
	all := map[string]string{}
	for i := range files * 3 / 4 {
		name, content := kinds[i%len(kinds)](i)
		all[fmt.Sprintf("part %d/%04d-%s", i%10, i, name)] = content
	}
	var lines strings.Builder
	for i := range files / 4 {
		fmt.Fprintf(&lines, "{\"id\":\"line-%d\",\"title\":\"Line %d\",\"text\":%q,\"metadata\":{\"n\":%d.5,\"tags\":[\"a\",\"b\"]}}\n", i, i, words(120), i)
	}
	all["lines.jsonl"] = lines.String()
	writeFiles(t, dir, all)
}

// chunksOf is all that searches see of a tenant's documents, by document and position.
func chunksOf(t *testing.T, s *serving, slug string) map[string]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.db.OwnerURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), `SELECT d.id || ' ' || c.position, jsonb_build_object('chunk', c.chunk_id, 'text', c.text,
			'context', c.context, 'start', c.start_offset, 'end', c.end_offset, 'page', c.page, 'metadata', c.metadata,
			'title', d.title, 'document', d.metadata, 'vector', md5(v.embedding::text))::text
		FROM tenants t JOIN documents d ON d.tenant_id = t.id
		JOIN chunks c ON c.tenant_id = t.id AND c.collection_id = d.collection_id AND c.document_key = d.key
		JOIN chunk_vectors v ON v.tenant_id = t.id AND v.collection_id = d.collection_id AND v.ordinal = c.ordinal
		WHERE t.slug = $1`, slug)
	if err != nil {
		t.Fatal(err)
	}
	chunks := map[string]string{}
	var at, content string
	if _, err := pgx.ForEachRow(rows, []any{&at, &content}, func() error { chunks[at] = content; return nil }); err != nil {
		t.Fatal(err)
	}
	return chunks
}

// watcher stands between command and server, notes what is sent, and kills in the middle of it.
type watcher struct {
	url string

	mu       sync.Mutex
	sent     map[string]bool
	left     int64 // bytes of documents until it strikes
	requests int64 // likewise
	strike   func()
}

func watch(t *testing.T, server string) *watcher {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{strike: func() {}}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // the command was killed
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/documents") {
			r.Body = &watchedBody{ReadCloser: r.Body, watcher: w}
		}
		proxy.ServeHTTP(killer{rw, w}, r)
	}))
	t.Cleanup(front.Close)
	w.url = front.URL
	return w
}

// kill begins the account of a run that, unless enough were killed, is killed in the middle of a body or when a
// request was answered and the command does not know yet.
func (w *watcher) kill(p *process, run, kills int, bytes int64) {
	now := func() { _ = p.Process.Kill() }
	switch {
	case run >= kills:
		w.begin(now, 1<<62, 1<<62)
	case run == 0:
		w.begin(now, 1<<62, 3) // the collection, a look-up, a batch
	case run%2 == 0:
		w.begin(now, rand.Int64N(bytes/4), 1<<62)
	default:
		w.begin(now, 1<<62, 3+rand.Int64N(6)) // of a look-up, a batch, a look at an operation
	}
}

// begin starts the account of a run, which is struck after so many bytes of documents, or answers.
func (w *watcher) begin(strike func(), bytes, requests int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent, w.strike, w.left, w.requests = map[string]bool{}, strike, bytes, requests
}

// killer kills when the server has answered and the command has not heard it.
type killer struct {
	http.ResponseWriter
	watcher *watcher
}

func (k killer) WriteHeader(status int) {
	k.watcher.mu.Lock()
	if k.watcher.requests--; k.watcher.requests == 0 {
		k.watcher.strike()
	}
	k.watcher.mu.Unlock()
	k.ResponseWriter.WriteHeader(status)
}

// end returns the ids of the documents that the run sent.
func (w *watcher) end() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]string, 0, len(w.sent))
	for id := range maps.Keys(w.sent) {
		ids = append(ids, id)
	}
	return ids
}

type watchedBody struct {
	io.ReadCloser
	watcher *watcher
	rest    []byte // of a line that is not over
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), 4<<10)])
	w := b.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left -= int64(n); w.left <= 0 {
		w.left = 1 << 62
		w.strike()
	}
	b.rest = append(b.rest, p[:n]...)
	for {
		line, rest, whole := bytes.Cut(b.rest, []byte("\n"))
		if !whole {
			break
		}
		b.rest = rest
		var document struct{ ID string }
		if json.Unmarshal(line, &document) == nil {
			w.sent[document.ID] = true
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.rest = nil
	}
	return n, err
}

// TestInterrupted presses Ctrl-C, and does what the command then says.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := serve(t)
	me := s.customer(t, "acme")
	watched := watch(t, s.url)
	me.url = watched.url
	dir := filepath.Join(t.TempDir(), "a folder")
	mixedFolder(t, dir, 400)
	started := make(chan *process, 1)
	watched.begin(func() { _ = (<-started).Process.Signal(os.Interrupt) }, 200<<10, 1<<62)
	p := me.start(nil, "ingest", dir)
	started <- p
	if code := p.code(); code != exitInterrupted {
		t.Fatalf("ended with %d:\n%s%s", code, p.out, p.err)
	}
	problems := p.err.String()
	if !strings.Contains(problems, "lindero ingest --url "+me.url+" '"+dir+"'\n") || strings.Contains(problems, me.key) {
		t.Errorf("how to resume is told as\n%s", problems)
	}
	if !strings.Contains(p.out.String(), "uploaded") {
		t.Errorf("no summary: %q", p.out)
	}
	if done := me.ingest(exitFailure, dir); done.Uploaded+done.Unchanged == 0 || len(me.documents()) < 350 {
		t.Errorf("resumed: %+v", done)
	}
}
