package pgtest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/migrations"
)

// templateLock serialises the making of templates in a cluster; any number that nothing else uses.
const templateLock = 5_246_002

var templates sync.Map // cluster URL → func() (string, error)

// migratedTemplate returns the name of the template database of this build's migrations, made by the first
// process that needs it. An error is not tried again in this process: migrations that fail, fail again.
func migratedTemplate(admin string) (string, error) {
	once, _ := templates.LoadOrStore(admin, sync.OnceValues(func() (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		return makeTemplate(ctx, admin)
	}))
	return once.(func() (string, error))()
}

func makeTemplate(ctx context.Context, admin string) (string, error) {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // releases the lock too
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		return "", err
	}
	name := "template_" + migrations.Hash()
	finished, err := isTemplate(ctx, conn, name)
	if err != nil || finished {
		return name, err
	}
	// What an interrupted process left is not flagged as a template.
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	if err := migrations.Up(ctx, withDatabase(admin, name), slog.New(slog.DiscardHandler)); err != nil {
		return "", fmt.Errorf("migrate: %w", err)
	}
	// Nobody may connect: a database in use cannot be copied.
	_, err = conn.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s WITH IS_TEMPLATE true ALLOW_CONNECTIONS false", name))
	return name, err
}

func isTemplate(ctx context.Context, conn *pgx.Conn, name string) (bool, error) {
	var found bool
	err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", name).Scan(&found)
	return found, err
}
