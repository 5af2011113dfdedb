package migrations_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/internal/pgtest"
	"lindero/migrations"
)

var quiet = slog.New(slog.DiscardHandler)

func exec(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func value[T any](t *testing.T, url, sql string) (v T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func edited(t *testing.T, base string, edit func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	edit(u)
	return u.String()
}

func TestUpIsIdempotent(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	secrets := map[string]bool{}
	for range 2 {
		if err := migrations.Up(t.Context(), db.OwnerURL(), quiet); err != nil {
			t.Fatal(err)
		}
		secrets[value[string](t, db.OwnerURL(), `SELECT encode(secret, 'hex') FROM server_secret`)] = true
	}
	if len(secrets) != 1 {
		t.Error("the second run made a new secret: every key would be void")
	}
	steps, err := migrations.Steps()
	if err != nil {
		t.Fatal(err)
	}
	if got := value[[]int64](t, db.AppURL(), `SELECT array_agg(version_id ORDER BY version_id) FROM goose_db_version WHERE version_id > 0`); !slices.Equal(got, steps) {
		t.Errorf("steps %v are applied, want %v", got, steps)
	}
	if owner := value[string](t, db.OwnerURL(), `SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname IN ('public', 'river')`); owner != "lindero_owner" {
		t.Errorf("tables belong to %s", owner)
	}
}

func TestUpOfSeveralAtOnce(t *testing.T) {
	t.Parallel()
	a, b := pgtest.NewEmpty(t), pgtest.NewEmpty(t)
	var group sync.WaitGroup
	for _, url := range []string{a.OwnerURL(), b.OwnerURL(), a.OwnerURL(), b.OwnerURL()} {
		group.Go(func() {
			if err := migrations.Up(t.Context(), url, quiet); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestUpWithoutSuperuser has the roles and the extension made beforehand, as on a managed service.
func TestUpWithoutSuperuser(t *testing.T) {
	t.Parallel()
	pgtest.New(t) // makes the cluster's roles
	db := pgtest.NewEmpty(t)
	role := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	t.Cleanup(func() { dropRole(t, db.OwnerURL(), role) })
	exec(t, db.OwnerURL(), fmt.Sprintf(`CREATE ROLE %[1]s LOGIN; GRANT lindero_owner TO %[1]s; CREATE EXTENSION vector;
		ALTER DATABASE %[2]s OWNER TO %[1]s; ALTER SCHEMA public OWNER TO %[1]s`, role, db.Name))
	owner := edited(t, db.OwnerURL(), func(u *url.URL) { u.User = url.User(role) })
	for range 2 {
		if err := migrations.Up(t.Context(), owner, quiet); err != nil {
			t.Fatal(err)
		}
	}
	if got := value[string](t, db.OwnerURL(), `SELECT tableowner FROM pg_tables WHERE tablename = 'documents'`); got != "lindero_owner" {
		t.Errorf("documents belong to %s", got)
	}
}

func dropRole(t *testing.T, admin, role string) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, fmt.Sprintf(`REASSIGN OWNED BY %[1]s TO CURRENT_USER; DROP OWNED BY %[1]s; DROP ROLE %[1]s`, role)); err != nil {
		t.Error(err)
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	with := func(user, password string) string {
		return edited(t, db.OwnerURL(), func(u *url.URL) { u.User = url.UserPassword(user, password) })
	}
	stored := `SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = 'lindero_app'`
	before := value[string](t, db.OwnerURL(), stored)
	// The tests' cluster trusts everybody, so the role can log in already and is left alone.
	if err := migrations.Passwords(t.Context(), db.OwnerURL(), with("lindero_app", "secret"), "", db.PlatformURL()); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Passwords(t.Context(), db.OwnerURL(), with("postgres", "other")); err == nil {
		t.Error("the owner's password was set")
	}
	if got := value[string](t, db.OwnerURL(), stored); got != before {
		t.Errorf("the password was changed to %q", got)
	}
}
