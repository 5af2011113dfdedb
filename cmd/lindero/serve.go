package main

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"lindero/migrations"
)

// processSettings are common to serve and worker.
type processSettings struct {
	logSettings
	embeddingSettings
	webhookSettings
	vectorSettings
	placementSettings
	DatabaseURL string `env:"LINDERO_DATABASE_URL" help:"Database, as the restricted role lindero_app (${env})."`
	Secret      string `env:"LINDERO_SECRET" help:"Mixed into the hashes of keys, so that the database alone does not suffice; never change it (${env})."`
}

func (p processSettings) config(c *console) (serverConfig, error) {
	if p.DatabaseURL == "" {
		return serverConfig{}, usageError{"LINDERO_DATABASE_URL is not set; it looks like postgres://lindero_app:password@host:5432/lindero. To try Lindero with nothing configured: lindero dev"}
	}
	placement, err := p.placementSettings.policy()
	if err != nil {
		return serverConfig{}, err
	}
	return serverConfig{
		DatabaseURL: p.DatabaseURL, Secret: p.Secret, Embedding: p.embeddingSettings, Vectors: p.vectorSettings,
		Webhooks: p.webhookSettings.policy(), Placement: placement, Log: p.logger(c.err),
	}, nil
}

// serveCommand runs the HTTP server and, unless told otherwise, workers.
type serveCommand struct {
	processSettings
	searchSettings
	Listen      string   `env:"LINDERO_LISTEN" default:"127.0.0.1:8080" help:"Where to listen (${env})."`
	PlatformURL string   `env:"LINDERO_PLATFORM_DATABASE_URL" help:"Database, as the role lindero_platform; without it there is no /admin/v1 (${env})."`
	AdminKeys   []string `name:"admin-key" env:"LINDERO_ADMIN_KEY" help:"Platform keys, separated by commas (${env})."`
	Workers     int      `default:"2" help:"Turns at bulk, and as many at single documents, that this process takes at once."`
	NoWorkers   bool     `help:"Serve HTTP only; lindero worker does the work."`
}

// Run serves until it is told to stop.
func (s *serveCommand) Run(c *console) error {
	config, err := s.config(c)
	if err != nil {
		return err
	}
	config.Listen, config.PlatformURL, config.AdminKeys, config.Workers = s.Listen, s.PlatformURL, s.AdminKeys, s.Workers
	config.Searches = s.searchSettings
	if s.NoWorkers {
		config.Workers = -1
	}
	if s.PlatformURL != "" && len(strings.Join(s.AdminKeys, "")) == 0 {
		return usageError{"LINDERO_PLATFORM_DATABASE_URL is set but LINDERO_ADMIN_KEY is not: nobody could use /admin/v1"}
	}
	return runServer(c.ctx, config)
}

// workerCommand works the queue off.
type workerCommand struct {
	processSettings
	Workers int      `default:"2" help:"Turns at bulk, and as many at single documents, that this process takes at once."`
	Tenant  []string `help:"Work for these tenants alone, ids or slugs separated by commas, as set by lindero tenant workers."`
}

// Run works until it is told to stop.
func (w *workerCommand) Run(c *console) error {
	config, err := w.config(c)
	if err != nil {
		return err
	}
	config.Workers, config.Tenants = w.Workers, w.Tenant
	return runServer(c.ctx, config)
}

func runServer(ctx context.Context, config serverConfig) error {
	s, err := newServer(ctx, config)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// checkMigrated compares the database's schema with what this build expects.
func checkMigrated(ctx context.Context, pool *pgxpool.Pool) error {
	steps, err := migrations.Steps()
	if err != nil {
		return err
	}
	var missing, newer int
	err = pool.QueryRow(ctx, `SELECT
			(SELECT count(*) FROM unnest($1::bigint[]) s WHERE s NOT IN (SELECT version_id FROM goose_db_version WHERE is_applied)),
			(SELECT count(*) FROM goose_db_version WHERE is_applied AND version_id > $2)`, steps, steps[len(steps)-1]).Scan(&missing, &newer)
	switch {
	case err != nil:
		return errors.New("the database has no schema of Lindero; run lindero migrate")
	case missing > 0:
		return errors.New("the database is older than this build; run lindero migrate")
	case newer > 0:
		return errors.New("the database is newer than this build; run a newer lindero")
	}
	return nil
}
