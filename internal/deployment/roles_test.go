package deployment

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lindero/internal/localpg"
	"lindero/migrations"
)

// TestLoginRoles runs the container's role script and then the migrations, which must take the roles as they are.
func TestLoginRoles(t *testing.T) {
	t.Parallel()
	binaries, err := localpg.Find()
	if err != nil {
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "lindero-roles-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server's user has to pass
		t.Fatal(err)
	}
	cluster, err := localpg.Start(t.Context(), localpg.Config{Dir: dir, Binaries: binaries})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop(context.Background()) })
	owner := cluster.URL("postgres", "postgres")
	runRoleScript(t, binaries, owner)
	if err := migrations.Up(t.Context(), owner, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var good int
	err = conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_authid WHERE rolname IN ('lindero_app', 'lindero_platform')
		AND rolpassword LIKE 'SCRAM-SHA-256$%' AND rolcanlogin AND NOT rolsuper AND NOT rolbypassrls`).Scan(&good)
	if err != nil || good != 2 {
		t.Errorf("%d of 2 roles have a password and no privilege (%v)", good, err)
	}
}

func runRoleScript(t *testing.T, binaries localpg.Binaries, owner string) {
	t.Helper()
	config, err := pgx.ParseConfig(owner)
	if err != nil {
		t.Fatal(err)
	}
	script := exec.Command(filepath.Join(root, "scripts/docker/login-roles.sh"))
	script.Env = append(os.Environ(), "PATH="+binaries.Dir+":"+os.Getenv("PATH"), "PGHOST="+config.Host, "POSTGRES_DB=postgres",
		"LINDERO_APP_PASSWORD=it's", "LINDERO_PLATFORM_PASSWORD=other")
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, strings.TrimSpace(string(out)))
	}
}
