// Package api is Lindero's HTTP interface: a Gin router with Huma operations, one middleware chain and one mapper
// of errors. It holds no SQL and no business rules, and imports no backend: what it needs of storage, search and
// operators' tools is declared in storage.go over the domain's types, and cmd puts the real ones in.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"lindero/ingest"
	"lindero/tenant"
	"lindero/webhook"
)

// Config is what the API stands on. Fields without a default are required.
type Config struct {
	Storage       func(tenant.ID) Storage // one tenant's storage; called once a request
	Search        Searcher
	Authenticator Authenticator
	// Admin serves /admin/v1; nil: the paths do not exist.
	Admin Admin
	// AdminKeys are the platform keys. Empty ones are ignored.
	AdminKeys []string
	// Ready runs the readiness checks; a nil error is a check that passed.
	Ready func(context.Context) map[string]error
	// Warnings are what an operator should know of a server that is ready all the same. They name no tenant: anybody
	// may ask. Nil: none.
	Warnings func() []string
	// IsolationVerified is the last outcome of the isolation self-check; while it fails, /v1 answers 503.
	IsolationVerified func() error
	// CursorSecret seals cursors. All processes of a deployment share it; at least 16 bytes.
	CursorSecret []byte
	// Neighbours are the tenants whose searches bulk requests of others make way for; nil: they do not.
	Neighbours ingest.Neighbours
	// Webhooks says where deliveries may go; the workers must have the same.
	Webhooks webhook.Policy
	Limits   Limits
	Version  string
	Log      *slog.Logger
	Registry *prometheus.Registry
}

// Limits bound request bodies, in bytes, and waiting. Zero means the default.
type Limits struct {
	JSONBytes int64 // of a JSON body and of one NDJSON line; default 32 MiB
	FileBytes int64 // of a raw file and of one multipart part; default 100 MiB
	// Memory is what all bodies above 1 MiB may have together; a larger one comes alone. Others wait, and after 20
	// seconds are answered 503. Default 64 MiB.
	Memory int64
	// QueueWait is how long a stream of documents stands still for room in the tenant's queue before what it sends
	// is turned away; default 10 s. It starts anew with every batch that gets in, so a stream goes on at the pace of
	// the workers, and is well below what clients and proxies wait for a sign of life.
	QueueWait time.Duration
}

type server struct {
	cfg     Config
	api     huma.API
	cursors *sealer
	metrics *metrics
	memory  *bodyMemory
	admins  [][32]byte
}

// New builds the handler. It fails when a required part is missing. The server around it should set
// ReadHeaderTimeout and IdleTimeout only: the handler sets deadlines for bodies and answers itself.
func New(cfg Config) (http.Handler, error) {
	_, engine, err := build(cfg)
	if err != nil {
		return nil, err
	}
	return headAsGet(engine), nil
}

func build(cfg Config) (*server, *gin.Engine, error) {
	if cfg.Storage == nil || cfg.Search == nil || cfg.Authenticator == nil || cfg.Ready == nil ||
		cfg.IsolationVerified == nil || cfg.Log == nil || cfg.Registry == nil {
		return nil, nil, errors.New("api: a required part of the configuration is missing")
	}
	if cfg.Limits.JSONBytes == 0 {
		cfg.Limits.JSONBytes = 32 << 20
	}
	if cfg.Limits.FileBytes == 0 {
		cfg.Limits.FileBytes = 100 << 20
	}
	if cfg.Limits.Memory == 0 {
		cfg.Limits.Memory = 64 << 20
	}
	if cfg.Limits.QueueWait == 0 {
		cfg.Limits.QueueWait = 10 * time.Second
	}
	if cfg.Neighbours == nil {
		cfg.Neighbours = ingest.Alone{}
	}
	cursors, err := newSealer(cfg.CursorSecret)
	if err != nil {
		return nil, nil, err
	}
	s := &server{cfg: cfg, cursors: cursors, metrics: newMetrics(cfg.Registry), memory: newBodyMemory(cfg.Limits.Memory), admins: hashKeys(cfg.AdminKeys)}
	gin.SetMode(gin.ReleaseMode)
	engine := s.engine()
	s.api = humagin.New(engine, s.humaConfig())
	s.routes(engine)
	return s, engine, nil
}

// engine is the router. Parameters are matched on the escaped path and unescaped once, by our own middleware:
// Gin's way turns + into a space, and %2F in an id would end the segment.
func (s *server) engine() *gin.Engine {
	engine := gin.New()
	engine.UseEscapedPath = true
	engine.UnescapePathValues = false
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	engine.Use(s.begin, s.recoverPanic, s.decodeURL)
	engine.NoRoute(s.noRoute)
	engine.NoMethod(s.noMethod)
	return engine
}

func (s *server) humaConfig() huma.Config {
	config := huma.DefaultConfig("Lindero", s.cfg.Version)
	config.Info.Description = "Multi-tenant retrieval: documents in, isolated search out. Errors are RFC 9457 problems with a stable code."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", "" // served by docs.go
	config.CreateHooks = nil                                             // no $schema fields in answers
	config.Formats = wholeAnswers()
	config.RejectUnknownQueryParameters = true
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key":         {Type: "http", Scheme: "bearer", Description: "An API key of a tenant."},
		"keyHeader":   {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "The same key in a header of its own."},
		"platformKey": {Type: "http", Scheme: "bearer", Description: "A platform key, for /admin/v1."},
	}
	return config
}

func (s *server) routes(engine *gin.Engine) {
	s.collectionRoutes()
	s.documentRoutes()
	s.bulkRoutes()
	s.retryRoutes()
	s.operationRoutes()
	s.searchRoutes()
	s.recallRoutes()
	s.tenantRoutes()
	s.keyRoutes()
	s.webhookRoutes()
	if s.cfg.Admin != nil {
		s.adminRoutes()
		s.profilingRoutes(engine)
	}
	s.probeRoutes(engine)
	s.docsRoutes(engine)
}
