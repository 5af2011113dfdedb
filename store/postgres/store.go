// Package postgres keeps everything in PostgreSQL under row-level security. A Store hands out a Handle per tenant;
// every statement about a tenant's rows goes through one of the two doors in tx.go, which bind the tenant in the
// same round trip as the work (wall 2 of the design).
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxvector "github.com/pgvector/pgvector-go/pgx"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"lindero/migrations"
	"lindero/search/lexical/cache"
	"lindero/store"
	"lindero/tenant"
)

// Config is what a Store needs. URL is required.
type Config struct {
	URL      string // of the restricted role lindero_app
	MaxConns int32  // of searches, and as many of all else; 0: pgx's default, four or the number of CPUs
	Secret   string // mixed into the key hashes and cursor seals (LINDERO_SECRET); may be empty
	// DefaultEmbedding is what a collection gets whose caller names no embedding; zero makes naming one a duty.
	DefaultEmbedding store.Profile
	Placement        PlacementPolicy // zero fields take their defaults
	MergeQuiet       time.Duration   // how long after the last publication a collection's segments are merged; 0: three seconds
	LexicalCache     int             // bytes of lexical postings kept in memory between searches; 0: 64 MiB, negative: none
	Log              *slog.Logger    // nil: no logs
}

// Store is the restricted role's connections. It is safe for concurrent use.
type Store struct {
	pool     *pgxpool.Pool
	searches *pgxpool.Pool         // whose connections plan as planSearches says
	jobs     *river.Client[pgx.Tx] // inserts only; ingest/jobs works them off
	log      *slog.Logger

	notifications    *Notifications
	backlogs         backlogs
	defaultEmbedding store.Profile
	placement        PlacementPolicy
	mergeQuiet       time.Duration
	lexical          *cache.Cache
	operatorSecret   string
	secret           atomic.Pointer[[]byte] // of the database, once it was read
}

// defaultMergeQuiet is longer than the gaps between the batches of a load.
const defaultMergeQuiet = 3 * time.Second

// defaultLexicalCache holds what hundreds of collections of some thousand chunks are asked for.
const defaultLexicalCache = 64 << 20

// Open connects. It fails when the server cannot be reached within ten seconds or lacks the vector extension.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	lexical, err := cache.New(cmp.Or(cfg.LexicalCache, defaultLexicalCache))
	if err != nil {
		return nil, err
	}
	pool, err := connect(ctx, cfg, "")
	if err != nil {
		return nil, err
	}
	searches, err := connect(ctx, cfg, planSearches)
	if err != nil {
		pool.Close()
		return nil, err
	}
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: migrations.RiverSchema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		pool.Close()
		searches.Close()
		return nil, fmt.Errorf("open the queue: %w", err)
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Store{
		pool: pool, searches: searches, jobs: jobs, log: log,
		notifications:    newNotifications(pool.Config().ConnConfig, log),
		defaultEmbedding: cfg.DefaultEmbedding, placement: cfg.Placement.withDefaults(),
		mergeQuiet: cmp.Or(cfg.MergeQuiet, defaultMergeQuiet), lexical: lexical, operatorSecret: cfg.Secret,
	}, nil
}

// statementsKept is how many statements a connection keeps the plans of, the least recently used going first. A search names
// its leaf, so each collection with an index has statements of its own, of some 200 kB each (BenchmarkBackendMemory).
const statementsKept = 256

// connect opens a pool whose connections begin with the statements of setup.
func connect(ctx context.Context, cfg Config, setup string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("the database URL cannot be parsed; it looks like postgres://lindero_app:password@host:5432/lindero")
	}
	if cfg.MaxConns > 0 {
		config.MaxConns = cfg.MaxConns
	}
	config.ConnConfig.StatementCacheCapacity = statementsKept
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		pgxuuid.Register(conn.TypeMap()) // in binary, and without a detour through text
		if err := pgxvector.RegisterTypes(ctx, conn); err != nil {
			return fmt.Errorf("the database lacks pgvector's types; run lindero migrate first: %w", err)
		}
		registerEncoders(conn.TypeMap())
		if setup == "" {
			return nil
		}
		_, err := conn.Exec(ctx, setup)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	ping, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := pool.Ping(ping); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return pool, nil
}

// Close waits for running statements and closes the pool.
func (s *Store) Close() {
	s.notifications.close()
	s.searches.Close()
	s.pool.Close()
	s.lexical.Close()
}

// Collectors are the metrics of this store's own.
func (s *Store) Collectors() []prometheus.Collector {
	return []prometheus.Collector{prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "lindero_lexical_cache_bytes", Help: "Memory that lexical postings take between searches, about.",
	}, func() float64 { return float64(s.lexical.Bytes()) })}
}

// Notifications tells of changes that other processes make.
func (s *Store) Notifications() *Notifications { return s.notifications }

// Pool is the restricted role's pool for all but searches, and the queue's workers'.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Handle is one tenant's storage. No method of it takes a tenant: it cannot be pointed elsewhere (wall 1).
// Make one per request or job; it is cheap and safe for concurrent use.
type Handle struct {
	store *Store
	id    tenant.ID
}

// ForTenant binds a handle to a tenant. A zero ID gives a handle whose every call fails.
func (s *Store) ForTenant(id tenant.ID) *Handle { return &Handle{store: s, id: id} }
