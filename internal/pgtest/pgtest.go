// Package pgtest gives every test a PostgreSQL database of its own, copied from a migrated template. All test
// processes share one throw-away cluster: the one of LINDERO_TEST_DATABASE_URL, which `make test` sets, or else
// one that the first process starts and that ends by itself when no test uses it any more.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/localpg"
)

// EnvURL names the variable with a superuser's URL of the cluster to test on. The cluster must let the roles
// lindero_app and lindero_platform in without a password.
const EnvURL = "LINDERO_TEST_DATABASE_URL"

// DB is one test's own database, migrated and empty.
type DB struct {
	Name  string
	owner string
}

// New makes a database that is dropped at the end of the test. The test is skipped where PostgreSQL is not
// installed and none is named by EnvURL.
func New(t testing.TB) *DB {
	t.Helper()
	return newDatabase(t, true)
}

// NewEmpty makes a database without Lindero's schema, for tests of the migrations themselves.
func NewEmpty(t testing.TB) *DB {
	t.Helper()
	return newDatabase(t, false)
}

// OwnerURL connects as the cluster's superuser, whom row-level security does not bind.
func (db *DB) OwnerURL() string { return db.owner }

// AppURL connects as the server's restricted role.
func (db *DB) AppURL() string { return withUser(db.owner, "lindero_app") }

// PlatformURL connects as the operators' role.
func (db *DB) PlatformURL() string { return withUser(db.owner, "lindero_platform") }

func newDatabase(t testing.TB, migrated bool) *DB {
	t.Helper()
	admin := clusterURL(t)
	template := "template1"
	if migrated {
		var err error
		if template, err = migratedTemplate(admin); err != nil {
			t.Fatalf("make the template database: %v", err)
		}
	}
	name := "test_" + randomHex()
	// Copying files costs a checkpoint, which is cheap without fsync, instead of writing the copy to the log.
	if err := execute(t.Context(), admin, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", name, template)); err != nil {
		t.Fatalf("make the test's database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := execute(ctx, admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return &DB{Name: name, owner: withDatabase(admin, name)}
}

// sharedURL is the cluster started without EnvURL; one look-up serves the whole process.
var sharedURL = sync.OnceValues(joinSharedCluster)

func clusterURL(t testing.TB) string {
	t.Helper()
	if given := os.Getenv(EnvURL); given != "" {
		return given
	}
	if _, err := localpg.Find(); err != nil {
		t.Skip(err)
	}
	shared, err := sharedURL()
	if err != nil {
		t.Fatalf("start the shared test cluster: %v", err)
	}
	return shared
}

func execute(ctx context.Context, url string, statements ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func withUser(base, user string) string {
	return edit(base, func(u *url.URL) { u.User = url.User(user) })
}

func withDatabase(base, database string) string {
	return edit(base, func(u *url.URL) { u.Path = "/" + database })
}

func edit(base string, change func(*url.URL)) string {
	u, err := url.Parse(base)
	if err != nil {
		panic("pgtest: " + EnvURL + " is not a URL") // the connection just made with it would have failed
	}
	change(u)
	return u.String()
}

func randomHex() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
