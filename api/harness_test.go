package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"lindero/embed"
	"lindero/embed/builtin"
	"lindero/ingest"
	"lindero/ingest/jobs"
	"lindero/internal/pgtest"
	"lindero/search"
	"lindero/store"
	"lindero/store/crosstenant"
	"lindero/store/postgres"
	"lindero/tenant"
	"lindero/tenant/admin"
	"lindero/tenant/auth"
	"lindero/webhook"
)

const (
	platformKey = "platform-key-of-the-tests"
	jsonLimit   = 64 << 10
	fileLimit   = 128 << 10
)

// toThisMachine lets webhooks lie where the tests run.
var toThisMachine = webhook.Policy{Allow: webhook.Loopback}

// deployment is the whole service on a database of its own, behind a real HTTP server.
type deployment struct {
	t        testing.TB
	url      string
	server   *server
	uses     *auth.Uses // flushed by tests that want to see them
	isolated error      // what the isolation check says; set before requests
	unready  error
	logs     *logBuffer
}

func deploy(t testing.TB) *deployment {
	t.Helper()
	return deployLimited(t, Limits{JSONBytes: jsonLimit, FileBytes: fileLimit, QueueWait: 300 * time.Millisecond})
}

func deployLimited(t testing.TB, limits Limits) *deployment {
	t.Helper()
	db := pgtest.New(t)
	profile := store.Profile{Provider: store.ProviderBuiltin, Model: builtin.Model, Dimensions: 64}
	quiet := slog.New(slog.DiscardHandler)
	st, err := postgres.Open(t.Context(), postgres.Config{URL: db.AppURL(), MaxConns: 8, DefaultEmbedding: profile, Log: quiet})
	must(t, err)
	t.Cleanup(st.Close)
	platform, err := crosstenant.Open(t.Context(), crosstenant.Config{URL: db.PlatformURL(), MaxConns: 2})
	must(t, err)
	t.Cleanup(platform.Close)
	startWorkers(t, st, quiet)
	searches, err := search.New(search.Config{Log: quiet, Embedder: embedder})
	must(t, err)
	d := &deployment{t: t, logs: &logBuffer{}}
	d.uses = auth.NewUses(func(ctx context.Context, id tenant.ID, uses map[string]time.Time) error {
		return st.ForTenant(id).KeysUsed(ctx, uses)
	}, quiet)
	var engine http.Handler
	d.server, engine, err = build(Config{
		Storage:       func(id tenant.ID) Storage { return st.ForTenant(id) },
		Search:        searches,
		Authenticator: auth.New(st, st.Notifications(), d.uses),
		Admin: admin.New(admin.Config{Platform: platform, DefaultEmbedding: profile,
			DefaultChunking: store.Chunking{Strategy: "structure"}}),
		AdminKeys:         []string{"", platformKey},
		Ready:             func(context.Context) map[string]error { return map[string]error{"database": d.unready} },
		IsolationVerified: func() error { return d.isolated },
		CursorSecret:      bytes.Repeat([]byte{7}, 32),
		Webhooks:          toThisMachine,
		Limits:            limits,
		Version:           "test",
		Log:               slog.New(slog.NewTextHandler(d.logs, nil)),
		Registry:          prometheus.NewRegistry(),
	})
	must(t, err)
	web := httptest.NewServer(headAsGet(engine))
	t.Cleanup(web.Close)
	d.url = web.URL
	return d
}

func startWorkers(t testing.TB, st *postgres.Store, log *slog.Logger) {
	work, err := jobs.New(jobs.Config{
		Store: st, Pipeline: &ingest.Pipeline{Log: log}, Log: log,
		Embedder: func(_ *postgres.Handle, p store.Profile) (embed.Embedder, error) { return embedder(p) },
		MergeSegments: func(ctx context.Context, h *postgres.Handle, c uuid.UUID) (time.Duration, error) {
			return h.MergeSegments(ctx, c)
		},
		Webhooks:    webhook.NewSender(webhook.Config{Policy: toThisMachine}),
		PurgeTenant: func(ctx context.Context, _ tenant.ID, h *postgres.Handle) error { return h.PurgeTenant(ctx) },
	})
	must(t, err)
	must(t, work.Start(context.Background()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = work.Stop(ctx)
	})
}

func embedder(p store.Profile) (embed.Embedder, error) { return builtin.New(p.Dimensions) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// caller sends requests with one credential.
type caller struct {
	d   *deployment
	key string
}

func (d *deployment) operator() caller { return caller{d, platformKey} }

// tenant makes a tenant and returns its id and a caller with a key of role.
func (d *deployment) tenant(slug string) (id string, as func(tenant.Role) caller) {
	d.t.Helper()
	made := d.operator().json(http.MethodPost, tenantsPath, map[string]any{"slug": slug, "name": slug, "plan": "business"}, http.StatusCreated)
	return made["id"].(string), func(role tenant.Role) caller {
		key := d.operator().json(http.MethodPost, tenantsPath+"/"+slug+"/keys", map[string]any{"name": "k", "role": role}, http.StatusCreated)
		return caller{d, key["key"].(string)}
	}
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) object(t testing.TB) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(r.body, &out); err != nil {
		t.Fatalf("%d %q: %v", r.status, r.body, err)
	}
	return out
}

func (r reply) code(t testing.TB) string {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q of %d %s", got, r.status, r.body)
	}
	code, _ := r.object(t)["code"].(string)
	return code
}

// send makes a request; headers are name, value, name, value.
func (c caller) send(method, path string, body io.Reader, headers ...string) reply {
	c.d.t.Helper()
	request, err := http.NewRequestWithContext(c.d.t.Context(), method, c.d.url+path, body)
	must(c.d.t, err)
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	must(c.d.t, err)
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	must(c.d.t, err)
	return reply{response.StatusCode, response.Header, data}
}

// json sends a JSON body (nil: none), wants the status and returns the answer.
func (c caller) json(method, path string, body any, want int, headers ...string) map[string]any {
	c.d.t.Helper()
	var reader io.Reader
	if text, ok := body.(string); ok {
		reader = strings.NewReader(text)
	} else if body != nil {
		data, err := json.Marshal(body)
		must(c.d.t, err)
		reader = bytes.NewReader(data)
	}
	got := c.send(method, path, reader, append([]string{"Content-Type", "application/json"}, headers...)...)
	if got.status != want {
		c.d.t.Fatalf("%s %s: %d, want %d: %s", method, path, got.status, want, got.body)
	}
	if len(got.body) == 0 {
		return nil
	}
	return got.object(c.d.t)
}

var errBroken = errors.New("password=hunter2 at 10.0.0.7")

// logBuffer collects log lines; requests are logged after their answers are out.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
