package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/demo"
	"lindero/internal/localpg"
	"lindero/internal/pineconeemu"
	"lindero/migrations"
	"lindero/webhook"
)

// Files of the data directory.
const (
	adminKeyFile = "admin.key"
	demoKeysFile = "demo-keys.json"
)

// devDatabase is the database of the private cluster.
const devDatabase = "lindero"

// devCommand runs everything with nothing configured.
type devCommand struct {
	logSettings
	embeddingSettings
	searchSettings
	webhookSettings
	placementSettings
	vectorSettings
	Listen   string `env:"LINDERO_LISTEN" default:"127.0.0.1:8080" help:"Where to listen (${env})."`
	DataDir  string `env:"LINDERO_DATA_DIR" default:".lindero" help:"Where the private database and the keys lie (${env})."`
	AdminKey string `env:"LINDERO_ADMIN_KEY" help:"The platform key; made and kept in the data directory when not set (${env})."`
	NoDemo   bool   `help:"Start without the demo tenants."`
}

// Run starts the private cluster, migrates, serves and loads the demo, until it is told to stop.
func (d *devCommand) Run(c *console) error {
	log := d.logger(c.err)
	if err := os.MkdirAll(d.DataDir, 0o755); err != nil {
		return fmt.Errorf("cannot make the data directory; set LINDERO_DATA_DIR to another: %w", err)
	}
	cluster, err := localpg.Start(c.ctx, localpg.Config{Dir: d.DataDir, Durable: true, Log: log})
	if err != nil {
		return fmt.Errorf("start the private PostgreSQL: %w", err)
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := cluster.Stop(stopping); err != nil {
			log.Error("the private PostgreSQL did not stop", "error", err)
		}
	}()
	if err := prepareDatabase(c.ctx, cluster, log); err != nil {
		return err
	}
	if err := d.ensureAdminKey(); err != nil {
		return err
	}
	emulator, err := d.emulatePinecone(log)
	if err != nil {
		return err
	}
	if emulator != nil {
		defer func() { _ = emulator.Close() }()
	}
	return d.serve(c, cluster, log, emulator)
}

// prepareDatabase creates and migrates the database of the private cluster.
func prepareDatabase(ctx context.Context, cluster *localpg.Cluster, log *slog.Logger) error {
	conn, err := pgx.Connect(ctx, cluster.URL("postgres", "postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, devDatabase).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+devDatabase); err != nil {
			return err
		}
	}
	return migrations.Up(ctx, cluster.URL("postgres", devDatabase), log)
}

// ensureAdminKey makes the platform key once and keeps it for its owner's eyes.
func (d *devCommand) ensureAdminKey() error {
	if d.AdminKey != "" {
		return nil
	}
	path := filepath.Join(d.DataDir, adminKeyFile)
	kept, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		d.AdminKey = "lpk_" + strings.ToLower(rand.Text()+rand.Text())
		return writePrivate(path, d.AdminKey)
	}
	d.AdminKey = strings.TrimSpace(string(kept))
	return err
}

func (d *devCommand) serve(c *console, cluster *localpg.Cluster, log *slog.Logger, emulator *pineconeemu.Emulator) error {
	placement, err := d.placementSettings.policy()
	if err != nil {
		return err
	}
	running := runningDev{
		DatabaseURL: cluster.URL("lindero_app", devDatabase), PlatformURL: cluster.URL("lindero_platform", devDatabase),
		PineconeKey: d.PineconeKey, PineconeHost: d.PineconeHost, PineconeIndex: d.PineconeIndex,
	}
	s, err := newServer(c.ctx, serverConfig{
		Listen: d.Listen, DatabaseURL: running.DatabaseURL, PlatformURL: running.PlatformURL,
		AdminKeys: []string{d.AdminKey}, Embedding: d.embeddingSettings, Searches: d.searchSettings, Vectors: d.vectorSettings, Placement: placement, Log: log,
		// A receiver to try webhooks with runs where this runs.
		Webhooks: webhook.Policy{Allow: slices.Concat(webhook.Loopback, d.WebhookAllow)},
	})
	if err != nil {
		return err
	}
	withdraw, err := running.announce(d.DataDir)
	if err != nil {
		return err
	}
	defer withdraw()
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	if err := d.welcome(ctx, c, s, emulator); err != nil && ctx.Err() == nil {
		cancel()
		return errors.Join(err, <-ended)
	}
	return <-ended
}

// welcome loads the demo and prints what to try.
func (d *devCommand) welcome(ctx context.Context, c *console, s *server, emulator *pineconeemu.Emulator) error {
	report := s.guard.Report()
	url := "http://" + s.listener.Addr().String()
	fmt.Fprintf(c.out, "\nLindero %s on %s\n  PostgreSQL %s, pgvector %s · embedder %s · isolation verified (%d checks)\n  Platform key: %s\n",
		version, url, report.PostgreSQL, report.PgVector, d.Embedder, len(report.Checks), d.AdminKey)
	d.tellVectors(c, emulator)
	if d.NoDemo {
		return d.tellElsewhere(ctx, c, url)
	}
	access, err := demo.Load(ctx, demo.Config{URL: url, AdminKey: d.AdminKey, File: filepath.Join(d.DataDir, demoKeysFile)})
	if err != nil {
		return fmt.Errorf("load the demo: %w", err)
	}
	if err := d.tellElsewhere(ctx, c, url); err != nil {
		return err
	}
	printDemo(c, url, access)
	return nil
}

// printDemo shows the demo's keys and three commands that work when pasted.
func printDemo(c *console, url string, access []demo.Access) {
	fmt.Fprintln(c.out, "\nDemo tenants and their keys:")
	for _, a := range access {
		fmt.Fprintf(c.out, "  %-7s %-34s %s\n", a.Slug, a.Name, a.Key)
	}
	fmt.Fprintf(c.out, `
Try:

1. Ask one tenant's documents:
curl -s %[1]s/v1/search -H 'Authorization: Bearer %[2]s' -H 'Content-Type: application/json' -d '{"query":"cancel my contract","top_k":3}'

2. Ask the same of another tenant: other documents, none of the first's:
curl -s %[1]s/v1/search -H 'Authorization: Bearer %[3]s' -H 'Content-Type: application/json' -d '{"query":"cancel my contract","top_k":3}'

3. Add a document of your own and wait until it can be found:
curl -s -X PUT '%[1]s/v1/collections/default/documents/my-note?wait=30s' -H 'Authorization: Bearer %[2]s' -H 'Content-Type: application/json' -d '{"title":"My note","text":"The spare key lies under the blue flower pot."}'

Interactive documentation: %[1]s/docs · Stop with Ctrl-C.
`, url, access[0].Key, access[1].Key)
}
