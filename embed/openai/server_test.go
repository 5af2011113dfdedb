package openai

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const secret = "sk-very-secret"

// vector is one element of an answer; Embedding is raw so that faults can be played.
type vector struct {
	Object    string          `json:"object"`
	Index     int             `json:"index"`
	Embedding json.RawMessage `json:"embedding"`
}

// server plays an OpenAI-compatible API. Each request is answered by the next of its steps, and by good
// vectors after the last.
type server struct {
	*httptest.Server
	mutex    sync.Mutex
	steps    []http.HandlerFunc
	requests []request
}

type request struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Dimensions int      `json:"dimensions"`
	bearer     string
}

func newServer(t *testing.T, steps ...http.HandlerFunc) *server {
	t.Helper()
	s := &server{steps: steps}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var got request
	if r.URL.Path != "/v1/embeddings" || json.NewDecoder(r.Body).Decode(&got) != nil {
		http.Error(w, "unexpected request", http.StatusNotFound)
		return
	}
	got.bearer = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mutex.Lock()
	s.requests = append(s.requests, got)
	step := func(w http.ResponseWriter, _ *http.Request) { respond(w, vectors(got.Input)) }
	if len(s.steps) > 0 {
		step, s.steps = s.steps[0], s.steps[1:]
	}
	s.mutex.Unlock()
	step(w, r)
}

func (s *server) seen() []request {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.requests
}

// vectors gives each text a vector by its length: not of unit length, and telling texts apart.
func vectors(texts []string) []vector {
	list := make([]vector, len(texts))
	for i, text := range texts {
		raw, _ := json.Marshal([]int{3, 4 * len(text), 0})
		list[i] = vector{"embedding", i, raw}
	}
	return list
}

func respond(w http.ResponseWriter, list []vector) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"object": "list", "model": "m", "data": list,
		"usage": map[string]int{"prompt_tokens": 7 * len(list), "total_tokens": 7 * len(list)},
	})
}

// answers is a step with a fixed status, body and headers ("Name: value").
func answers(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// drops is a step that closes the connection in the middle of an answer.
func drops(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"data":[`))
	panic(http.ErrAbortHandler)
}

// hangs is a step that answers only when the client gives up.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func newClient(t *testing.T, s *server, change ...func(*Config)) *Embedder {
	t.Helper()
	config := Config{BaseURL: s.URL + "/v1", APIKey: secret, Model: "m", Dimensions: 3, Timeout: 10 * time.Second, Retries: 1}
	for _, f := range change {
		f(&config)
	}
	e, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
