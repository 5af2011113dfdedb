package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lindero/client"
	"lindero/internal/memtest"
)

// fakeModel is an OpenAI-compatible server that counts the texts it is asked to embed.
type fakeModel struct {
	url   string
	texts atomic.Int64
	mu    sync.Mutex
	last  []string
}

const modelDimensions = 16

func startModel(t *testing.T) *fakeModel {
	t.Helper()
	m := &fakeModel{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		type vector struct {
			Object    string    `json:"object"`
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		}
		answer := make([]vector, len(asked.Input))
		for i, text := range asked.Input {
			random := rand.New(rand.NewPCG(uint64(len(text)), uint64(text[0])))
			answer[i] = vector{"embedding", i, make([]float32, modelDimensions)}
			for j := range answer[i].Embedding {
				answer[i].Embedding[j] = random.Float32() + .1
			}
		}
		m.texts.Add(int64(len(asked.Input)))
		m.mu.Lock()
		m.last = append(m.last, asked.Input...)
		m.mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": answer, "model": "m", "usage": map[string]int{}})
	}))
	t.Cleanup(server.Close)
	m.url = server.URL + "/v1"
	return m
}

// flags make a server embed with the model.
func (m *fakeModel) flags() []string {
	return []string{"--embedder", "openai", "--openai-url", m.url, "--openai-key", "k", "--embedding-dimensions", fmt.Sprint(modelDimensions)}
}

// TestUnchangedCorpusCostsNothing sends a corpus twice: the second time nothing is embedded, no document gets a new
// version, and it takes at most a tenth of the time. The time is held to that only with LINDERO_REINGEST, the number
// of documents, such as 10000: a small corpus on a busy machine proves nothing.
func TestUnchangedCorpusCostsNothing(t *testing.T) {
	documents := number(t, "LINDERO_REINGEST", 300)
	timed := documents > 300
	if !timed {
		t.Parallel()
	}
	model := startModel(t)
	me := serve(t, model.flags()...).customer(t, "acme")
	dir := t.TempDir()
	corpus(t, dir, documents)
	run := func() (s summary, embedded int64) {
		t.Helper()
		before := model.texts.Load()
		s = me.ingest(exitOK, dir)
		return s, model.texts.Load() - before
	}
	first, embedded := run()
	if first.Uploaded != documents || embedded < int64(documents) {
		t.Fatalf("at first: %+v, %d texts embedded", first, embedded)
	}
	second, again := run()
	if second.Uploaded != 0 || second.Unchanged != documents || again != 0 {
		t.Errorf("again: %+v, %d texts embedded", second, again)
	}
	versions := 0
	for _, d := range me.documents() {
		if d.Version != 1 {
			versions++
		}
	}
	if versions > 0 {
		t.Errorf("%d documents have a new version", versions)
	}
	t.Logf("%d documents, %d chunks: first %.2f s, again %.3f s (1/%.0f)", documents, embedded, first.Seconds, second.Seconds, first.Seconds/second.Seconds)
	if timed && second.Seconds > first.Seconds/10 {
		t.Errorf("again took %.2f s, first %.2f s: more than a tenth", second.Seconds, first.Seconds)
	}
	if !timed {
		return
	}
	began := time.Now() // and by another client, which sends everything
	if accepted := sendCorpus(t, me, dir); accepted != documents {
		t.Errorf("%d accepted", accepted)
	}
	t.Logf("the same through the bulk endpoint without looking first: %.2f s, %d texts embedded", time.Since(began).Seconds(), model.texts.Load()-embedded)
}

// corpus makes files of some 150 words.
func corpus(t *testing.T, dir string, documents int) {
	t.Helper()
	random := rand.New(rand.NewPCG(5, 6))
	files := make(map[string]string, documents)
	for i := range documents {
		var b strings.Builder
		fmt.Fprintf(&b, "# Document %d\n\n", i)
		for range 150 {
			fmt.Fprintf(&b, "w%d ", int(20_000*random.Float64()*random.Float64()))
		}
		files[fmt.Sprintf("%02d/%d.md", i%100, i)] = b.String()
	}
	writeFiles(t, dir, files)
}

// sendCorpus sends the files of a directory as the command would, without asking what is there.
func sendCorpus(t *testing.T, me *customer, dir string) (accepted int) {
	t.Helper()
	found, err := findFiles([]string{dir}, "", false)
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < len(found.sources); from += batchDocuments {
		var body bytes.Buffer
		for _, s := range found.sources[from:min(from+batchDocuments, len(found.sources))] {
			document, _, err := prepare(raw{source: s})
			if err != nil {
				t.Fatal(err)
			}
			body.Write(append(document.line, '\n'))
		}
		bulk, err := me.PutLines(t.Context(), "default", body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		accepted += bulk.Accepted
		if _, err := me.WaitOperation(t.Context(), bulk.Operation.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	return accepted
}

// TestOneParagraphChanged changes a paragraph in the middle of a long document: only what it is part of is embedded.
func TestOneParagraphChanged(t *testing.T) {
	t.Parallel()
	model := startModel(t)
	me := serve(t, model.flags()...).customer(t, "acme")
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(7, 8))
	var sections []string
	for i := range 40 {
		section := fmt.Sprintf("## Section %d\n\n", i)
		for p := range 3 {
			var words strings.Builder
			for range 90 {
				fmt.Fprintf(&words, "word%d ", random.IntN(5000))
			}
			section += fmt.Sprintf("Paragraph %d of section %d says: %s.\n\n", p, i, words.String())
		}
		sections = append(sections, section)
	}
	write := func() {
		writeFiles(t, dir, map[string]string{"long.md": "# A long document\n\n" + strings.Join(sections, "")})
	}
	write()
	me.ingest(exitOK, dir)
	all := model.texts.Load()
	sections[20] = strings.Replace(sections[20], "Paragraph 1 of section 20 says:", "Paragraph 1 of section 20 now says something else:", 1)
	write()
	model.mu.Lock()
	model.last = nil
	model.mu.Unlock()
	if s := me.ingest(exitOK, dir); s.Uploaded != 1 {
		t.Errorf("%+v", s)
	}
	changed := model.texts.Load() - all
	d, err := me.Document(t.Context(), "default", "long.md")
	if err != nil || d.Version != 2 || int64(d.Chunks) < 40 {
		t.Errorf("%+v, %v", d, err)
	}
	for _, text := range model.last {
		if !strings.Contains(text, "section 20") {
			t.Errorf("embedded again: %.200q", text)
		}
	}
	chunks, err := client.Collect(me.Chunks(t.Context(), "default", "long.md"))
	if err != nil {
		t.Fatal(err)
	}
	ofSection := 0
	for _, c := range chunks {
		if strings.Contains(c.Text, "section 20") {
			ofSection++
		}
	}
	t.Logf("%d texts embedded at first, %d after the change; section 20 has %d chunks", all, changed, ofSection)
	if changed == 0 || changed > int64(ofSection) {
		t.Errorf("%d texts were embedded again, of %d", changed, all)
	}
}

// generator is an endless text of lines, cut off after a number of bytes. Ids repeat after distinct documents, so
// that a server can take any amount of it without keeping more.
type generator struct {
	left     int64
	distinct int
	n        int
	rest     []byte
}

func (g *generator) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		if g.left <= 0 {
			return 0, io.EOF
		}
		i := g.n % g.distinct
		g.n++
		g.rest = fmt.Appendf(nil, "{\"id\":\"d%d\",\"text\":\"%s%d\"}\n", i, strings.Repeat("some words of the text ", 60+i%7), i)
		g.left -= int64(len(g.rest))
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// What a process may take while any amount of lines goes through it. Who kept it all would take more of the least
// amount that is tested.
const (
	commandBound = 180 << 20
	serverBound  = 300 << 20
)

// TestMemoryStaysBoundedOnAnyInput streams lines through the command, and through the server, each a process of its
// own. LINDERO_STREAM_MB says how much; 5120 is the five gigabytes that must not need five gigabytes.
func TestMemoryStaysBoundedOnAnyInput(t *testing.T) {
	t.Parallel()
	memtest.SkipWithRaceDetector(t)
	megabytes := int64(number(t, "LINDERO_STREAM_MB", 192))
	t.Run("command", func(t *testing.T) {
		sink := startSink(t)
		lines := &generator{left: megabytes << 20, distinct: 1 << 60}
		p := startProcess(t, lines, "ingest", "--url", sink.url, "--api-key", "lk_x", "--json", "-")
		peak := p.watchPeak()
		if code := p.code(); code != exitOK {
			t.Fatalf("ended with %d:\n%s%s", code, p.out, p.err)
		}
		if int(sink.taken.Load()) != lines.n {
			t.Errorf("%d documents arrived, want %d", sink.taken.Load(), lines.n)
		}
		t.Logf("%d MB, %d documents: at most %d MB", megabytes, lines.n, peak()>>20)
		if peak() > commandBound {
			t.Errorf("took %d MB", peak()>>20)
		}
	})
	t.Run("server", func(t *testing.T) {
		s, p := serveApart(t)
		me := s.customer(t, "acme")
		for range 2 { // the second time what is measured is not the start
			before := p.peak()
			lines := &generator{left: megabytes << 19, distinct: 2000}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/collections/default/documents", lines)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/x-ndjson")
			request.Header.Set("Authorization", "Bearer "+me.key)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			var bulk client.Bulk
			if err := json.NewDecoder(response.Body).Decode(&bulk); err != nil || bulk.Accepted != lines.n {
				t.Fatalf("%d %+v, %v", response.StatusCode, bulk, err)
			}
			_ = response.Body.Close()
			t.Logf("%d MB, %d documents: at most %d MB, %d MB before", megabytes/2, lines.n, p.peak()>>20, before>>20)
		}
		if p.peak() > serverBound {
			t.Errorf("took %d MB", p.peak()>>20)
		}
	})
}

// sink is a server that takes everything and keeps nothing.
type sink struct {
	url   string
	taken atomic.Int64
}

func startSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch last := filepath.Base(r.URL.Path); {
		case last == "lookup":
			_, _ = io.WriteString(w, `{"data":[]}`)
		case last == "documents":
			n := bytes.Count(body, []byte("\n"))
			s.taken.Add(int64(n))
			_, _ = fmt.Fprintf(w, `{"operation":{"id":"o"},"accepted":%d,"rejected":[]}`, n)
		case last == "o":
			_, _ = io.WriteString(w, `{"id":"o","status":"succeeded"}`)
		default:
			_, _ = io.WriteString(w, `{"name":"default"}`)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}
