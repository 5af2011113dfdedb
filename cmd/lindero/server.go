package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"lindero/api"
	"lindero/embed"
	"lindero/ingest"
	"lindero/ingest/extract"
	"lindero/ingest/jobs"
	"lindero/internal/wholewrite"
	"lindero/search"
	"lindero/search/admission"
	"lindero/store"
	"lindero/store/crosstenant"
	"lindero/store/pinecone"
	"lindero/store/postgres"
	"lindero/tenant"
	"lindero/tenant/admin"
	"lindero/tenant/auth"
	"lindero/webhook"
)

// serverConfig is what one process needs, whichever command it serves.
type serverConfig struct {
	Listen      string // empty: no HTTP
	DatabaseURL string // of the restricted role
	PlatformURL string // of the platform role; empty: no /admin/v1
	AdminKeys   []string
	Secret      string
	Workers     int      // negative: none
	Tenants     []string // that the workers are dedicated to; empty: the shared pool
	Embedding   embeddingSettings
	Placement   postgres.PlacementPolicy
	Searches    searchSettings
	Webhooks    webhook.Policy
	Vectors     vectorSettings
	Log         *slog.Logger
}

// server is one running process of Lindero: it owns everything it opened and closes it in reverse.
type server struct {
	cfg      serverConfig
	store    *postgres.Store
	platform *crosstenant.Platform
	pinecone *pinecone.Backend // nil: this deployment has none
	guard    *postgres.IsolationGuard
	search   *search.Service
	keyUses  *auth.Uses // nil without HTTP
	jobs     *jobs.Jobs
	queue    *queueWatch
	http     *http.Server
	endless  context.CancelFunc // ends requests that would not end by themselves: event streams
	listener net.Listener
}

// How long a shutdown waits for requests, and for jobs to reach a point at which they can be handed back.
const (
	streamGrace  = 2 * time.Second // an event stream does not end before its operation does
	requestGrace = 20 * time.Second
	jobGrace     = 20 * time.Second
)

// newServer opens and checks everything; nothing is served before isolation is verified.
func newServer(ctx context.Context, cfg serverConfig) (s *server, err error) {
	if err := cfg.Embedding.check(); err != nil {
		return nil, err
	}
	if err := cfg.Vectors.check(); err != nil {
		return nil, err
	}
	limitMemory()
	s = &server{cfg: cfg}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.store, err = postgres.Open(ctx, postgres.Config{
		URL: cfg.DatabaseURL, MaxConns: poolSize, Secret: cfg.Secret, DefaultEmbedding: cfg.Embedding.defaultProfile(), Placement: cfg.Placement,
		LexicalCache: cfg.Searches.lexicalCache(), Log: cfg.Log,
	})
	if err != nil {
		return s, err
	}
	if err := s.verify(ctx); err != nil {
		return s, err
	}
	s.search, err = search.New(search.Config{
		Embedder: cfg.Embedding.embedder, Log: cfg.Log, SlowSearch: cfg.Searches.SlowSearch, SlowSearchText: cfg.Searches.SlowSearchText,
		Searches: cfg.Searches.atOnce(),
	})
	if err != nil {
		return s, err
	}
	if s.pinecone, err = cfg.Vectors.open(cfg.Log); err != nil {
		return s, err
	}
	s.queue = newQueueWatch(s.store, s.pinecone != nil, cfg.Log)
	if cfg.Workers >= 0 {
		if err := s.prepareJobs(ctx); err != nil {
			return s, err
		}
	}
	if cfg.Listen == "" {
		return s, nil
	}
	return s, s.prepareHTTP(ctx)
}

// extractMemory is what the documents being read by one process may take together, in bytes.
const extractMemory = 160 << 20

// poolSize is how many connections a process may hold to the database as the restricted role for searches, and again for
// all else.
const poolSize = 16

// verify refuses an outdated schema and a database whose walls do not stand.
func (s *server) verify(ctx context.Context) error {
	if err := checkMigrated(ctx, s.store.Pool()); err != nil {
		return err
	}
	s.guard = postgres.NewIsolationGuard(s.store, s.cfg.Log)
	if err := s.guard.Check(ctx); err != nil {
		return fmt.Errorf("isolation cannot be verified, so nothing is served; lindero doctor tells what is wrong: %w", err)
	}
	return nil
}

func (s *server) prepareJobs(ctx context.Context) (err error) {
	tenants, err := s.dedicatedTo(ctx)
	if err != nil {
		return err
	}
	config := jobs.Config{
		Store: s.store, Pipeline: &ingest.Pipeline{Log: s.cfg.Log, Memory: extract.NewMemory(extractMemory)}, Log: s.cfg.Log,
		Workers: s.cfg.Workers, Tenants: tenants,
		Embedder: func(h *postgres.Handle, p store.Profile) (embed.Embedder, error) {
			embedder, err := s.cfg.Embedding.embedder(p)
			if err != nil {
				return nil, err
			}
			return embed.Cached(embedder, h.EmbeddingCache()), nil
		},
		MergeSegments: func(ctx context.Context, h *postgres.Handle, collection uuid.UUID) (time.Duration, error) {
			return h.MergeSegments(ctx, collection)
		},
		PurgeTenant: s.purgeTenant, Neighbours: s.search.Gate(),
		WatchRecall: func(ctx context.Context, h *postgres.Handle, id tenant.ID, collection uuid.UUID) (time.Duration, error) {
			return s.search.WatchRecall(ctx, h, id, collection)
		},
		Webhooks: webhook.NewSender(webhook.Config{Policy: s.cfg.Webhooks}),
	}
	if s.pinecone != nil {
		config.SyncVectors = func(ctx context.Context, id tenant.ID, h *postgres.Handle, until time.Time) (bool, error) {
			return s.pinecone.Sync(ctx, id, h, until)
		}
	}
	s.jobs, err = jobs.New(config)
	return err
}

func (s *server) prepareHTTP(ctx context.Context) error {
	secret, err := s.store.DerivedKey(ctx, "cursors")
	if err != nil {
		return err
	}
	s.keyUses = auth.NewUses(func(ctx context.Context, id tenant.ID, uses map[string]time.Time) error {
		return s.store.ForTenant(id).KeysUsed(ctx, uses)
	}, s.cfg.Log)
	config := api.Config{
		Storage:           s.storage,
		Search:            s.search,
		Neighbours:        s.search.Gate(),
		Authenticator:     auth.New(s.store, s.store.Notifications(), s.keyUses),
		AdminKeys:         s.cfg.AdminKeys,
		Ready:             s.ready,
		Warnings:          s.queue.warnings,
		IsolationVerified: s.guard.Verified,
		CursorSecret:      secret,
		Webhooks:          s.cfg.Webhooks,
		Version:           version,
		Log:               s.cfg.Log,
		Registry:          s.newRegistry(),
	}
	if s.cfg.PlatformURL != "" {
		if s.platform, err = crosstenant.Open(ctx, crosstenant.Config{URL: s.cfg.PlatformURL, Secret: s.cfg.Secret}); err != nil {
			return err
		}
		config.Registry.MustRegister(s.platform.Collector(s.cfg.Log))
		config.Admin = admin.New(admin.Config{Platform: s.platform, DefaultEmbedding: s.cfg.Embedding.defaultProfile(), Vectors: s.cfg.Vectors.backends()})
	}
	handler, err := api.New(config)
	if err != nil {
		return err
	}
	if s.listener, err = net.Listen("tcp", s.cfg.Listen); err != nil {
		return fmt.Errorf("cannot listen on %s; set LINDERO_LISTEN to another address: %w", s.cfg.Listen, err)
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.endless = cancel
	s.http = &http.Server{
		BaseContext: func(net.Listener) context.Context { return base },
		ConnContext: wholewrite.WithConn,
		Handler:     handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	return nil
}

func (s *server) newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(search.Collectors()...)
	registry.MustRegister(admission.Collectors()...)
	registry.MustRegister(jobs.Collectors()...)
	registry.MustRegister(postgres.Collectors()...)
	registry.MustRegister(s.store.Collectors()...)
	registry.MustRegister(s.queue)
	registry.MustRegister(pinecone.Collectors()...)
	return registry
}

// ready runs the readiness checks.
func (s *server) ready(ctx context.Context) map[string]error {
	_, queue := s.store.Pool().Exec(ctx, "SELECT FROM river.river_queue LIMIT 1")
	return map[string]error{
		"database":   s.store.Pool().Ping(ctx),
		"migrations": checkMigrated(ctx, s.store.Pool()),
		"isolation":  s.guard.Verified(),
		"queue":      queue,
	}
}

// run serves until ctx is done, then finishes the requests under way and hands unfinished jobs back.
func (s *server) run(ctx context.Context) error {
	defer s.close()
	if s.jobs != nil {
		if err := s.jobs.Start(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWatching()
	go s.guard.Run(watching)
	go s.queue.run(watching)
	failed := make(chan error, 1)
	if s.http != nil {
		go s.keyUses.Run(watching)
		go func() { failed <- s.http.Serve(wholewrite.Listener{Listener: s.listener}) }()
		s.cfg.Log.Info("listening", "address", s.listener.Addr().String())
	}
	select {
	case <-ctx.Done():
		s.cfg.Log.Info("stopping")
		return s.stop()
	case err := <-failed:
		return errors.Join(err, s.stop())
	}
}

func (s *server) stop() (err error) {
	if s.http != nil {
		grace, cancel := context.WithTimeout(context.Background(), requestGrace)
		defer cancel()
		ending := time.AfterFunc(streamGrace, s.endless)
		defer ending.Stop()
		if err = s.http.Shutdown(grace); err != nil {
			err = errors.Join(fmt.Errorf("some requests did not finish in time: %w", err), s.http.Close())
		}
		s.keyUses.Flush(grace)
	}
	if s.jobs != nil {
		grace, cancel := context.WithTimeout(context.Background(), jobGrace)
		defer cancel()
		err = errors.Join(err, s.jobs.Stop(grace))
		s.jobs = nil
	}
	return err
}

// close releases what newServer opened.
func (s *server) close() {
	if s.endless != nil {
		s.endless()
	}
	if s.platform != nil {
		s.platform.Close()
	}
	if s.pinecone != nil {
		_ = s.pinecone.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
}
