package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

func value(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var v string
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestEachTestHasItsOwnMigratedDatabase(t *testing.T) {
	t.Parallel()
	a, b := New(t), New(t)
	if a.Name == b.Name {
		t.Fatal("two tests share a database")
	}
	insert := "INSERT INTO tenants (slug, name, plan, state) VALUES ('acme', 'Acme', 'trial', 'trial')"
	if err := execute(t.Context(), a.OwnerURL(), insert); err != nil {
		t.Fatal(err)
	}
	if got := value(t, b.OwnerURL(), "SELECT count(*)::text FROM tenants"); got != "0" {
		t.Errorf("the other database has %s tenants", got)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	db := New(t)
	for _, c := range []struct{ url, user string }{
		{db.AppURL(), "lindero_app"}, {db.PlatformURL(), "lindero_platform"}, {db.OwnerURL(), "postgres"},
	} {
		if got := value(t, c.url, "SELECT current_user::text"); got != c.user {
			t.Errorf("connected as %s, want %s", got, c.user)
		}
		if got := value(t, c.url, "SELECT current_database()::text"); got != db.Name {
			t.Errorf("%s is in %s, want %s", c.user, got, db.Name)
		}
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	t.Parallel()
	var gone *DB
	t.Run("user", func(t *testing.T) {
		gone = New(t)
		conn, err := pgx.Connect(t.Context(), gone.AppURL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	})
	count := fmt.Sprintf("SELECT count(*)::text FROM pg_database WHERE datname = '%s'", gone.Name)
	if got := value(t, clusterURL(t), count); got != "0" {
		t.Error("the database is still there")
	}
}

func TestEmptyDatabase(t *testing.T) {
	t.Parallel()
	db := NewEmpty(t)
	if got := value(t, db.OwnerURL(), "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"); got != "0" {
		t.Errorf("%s tables in an empty database", got)
	}
}

func TestKeeperWaitsForUsers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users")
	user, err := lockFile(path, syscall.LOCK_SH)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockFile(path, syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		t.Fatal("the keeper took the lock from a user")
	}
	if err := user.Close(); err != nil {
		t.Fatal(err)
	}
	lock, err := untilUnused(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = lock.Close()
}

// The lock is held by a file that nothing reads: the collector must not close it.
func TestUserIsKeptThroughCollections(t *testing.T) {
	before := membership
	t.Cleanup(func() { membership = before })
	dir := t.TempDir()
	if err := becomeUser(dir); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.GC()
	if _, err := lockFile(filepath.Join(dir, "users"), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		t.Error("the lock was lost")
	}
}

func TestSharedDirectoryIsPrivate(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, err := sharedDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := sharedDir(); err == nil {
		t.Error("a directory that everybody can write was accepted")
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(b)
	}
}
