package localpg

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestMain also plays the process that is killed while it runs a cluster.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LOCALPG_TEST_CHILD"); dir != "" {
		runUntilKilled(dir)
	}
	os.Exit(m.Run())
}

func runUntilKilled(dir string) {
	c, err := Start(context.Background(), Config{Dir: dir, Durable: true})
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(c.URL(superuser, "postgres") + "\n")
	select {}
}

func installed(t *testing.T) {
	t.Helper()
	if _, err := Find(); err != nil {
		t.Skip(err)
	}
}

// clusterDir is a directory that the server's user can enter even when the tests run as root.
func clusterDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localpg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data dir")
}

func start(t *testing.T, dir string) *Cluster {
	t.Helper()
	installed(t)
	c, err := Start(t.Context(), Config{Dir: dir, Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	return c
}

func stop(t *testing.T, c *Cluster) {
	t.Helper()
	if err := c.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// query returns the only value of a query as text.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var value string
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func execute(t *testing.T, url, sql string) {
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

func TestStartStopAndStartAgainKeepsData(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	c := start(t, dir)
	url := c.URL(superuser, "postgres")
	execute(t, url, "CREATE TABLE kept AS SELECT 'yes'::text AS v")
	execute(t, url, "CREATE EXTENSION vector")
	if got := query(t, url, "SHOW listen_addresses"); got != "" {
		t.Errorf("listens on TCP: %q", got)
	}
	if got := query(t, url, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'postgres'"); got != "UTF8" {
		t.Errorf("encoding %s", got)
	}
	stop(t, c)
	stop(t, c) // again does nothing
	if _, err := os.Stat(c.place.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("socket directory left behind: %v", err)
	}
	began := time.Now()
	again := start(t, dir)
	t.Logf("second start took %v", time.Since(began))
	if got := query(t, again.URL(superuser, "postgres"), "SELECT v FROM kept"); got != "yes" {
		t.Errorf("kept = %q", got)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	start(t, dir)
	_, err := Start(t.Context(), Config{Dir: dir})
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("second start: %v", err)
	}
}

func TestCrashedServerComesBack(t *testing.T) {
	t.Parallel()
	c := start(t, clusterDir(t))
	url := c.URL(superuser, "postgres")
	execute(t, url, "CREATE TABLE kept AS SELECT 'yes'::text AS v")
	for range 3 {
		c.Kill()
		if err := c.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := query(t, url, "SELECT v FROM kept"); got != "yes" {
		t.Errorf("kept = %q", got)
	}
}

func TestRestartKeepsURL(t *testing.T) {
	t.Parallel()
	c := start(t, clusterDir(t))
	url := c.URL(superuser, "postgres")
	before := query(t, url, "SELECT pg_postmaster_start_time()::text")
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := query(t, url, "SELECT pg_postmaster_start_time()::text"); after == before {
		t.Error("the server was not restarted")
	}
}

func TestStopDuringRestart(t *testing.T) {
	t.Parallel()
	c := start(t, clusterDir(t))
	c.Kill()
	stop(t, c)
	if content, err := os.ReadFile(c.place.pidFile()); err == nil {
		if pid := firstNumber(content); c.place.servedBy(pid) {
			t.Errorf("server %d still runs", pid)
		}
	}
}

func TestServerEndsWithKilledParent(t *testing.T) {
	t.Parallel()
	installed(t)
	dir := clusterDir(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "LOCALPG_TEST_CHILD="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 4096)
	n, err := out.Read(line)
	if err != nil {
		t.Fatalf("the child did not start a cluster: %v", err)
	}
	url := strings.TrimSpace(string(line[:n]))
	execute(t, url, "CREATE TABLE kept AS SELECT 'yes'::text AS v")
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	c := start(t, dir)
	if got := query(t, c.URL(superuser, "postgres"), "SELECT v FROM kept"); got != "yes" {
		t.Errorf("kept = %q", got)
	}
}

func TestStalePidFileOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	c := start(t, dir)
	stop(t, c)
	// The number has been given to a process that is not PostgreSQL: this one.
	if err := os.WriteFile(c.place.pidFile(), []byte(pidLine(os.Getpid())), 0o644); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
}

func TestFailureQuotesTheLog(t *testing.T) {
	t.Parallel()
	installed(t)
	_, err := Start(t.Context(), Config{Dir: clusterDir(t), Settings: []string{"no_such_setting=1"}})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Fatalf("error does not say why: %v", err)
	}
}

func TestRemoveDeletesData(t *testing.T) {
	t.Parallel()
	c := start(t, clusterDir(t))
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.DataDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("data left behind: %v", err)
	}
}

func TestClosedDirectoryOfRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: only root's server runs as another user")
	}
	dir := clusterDir(t)
	if err := os.Chmod(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	if !strings.HasPrefix(c.DataDir(), elsewhere) {
		t.Errorf("data in %s, which the server's user cannot enter", c.DataDir())
	}
	execute(t, c.URL(superuser, "postgres"), "CREATE TABLE kept AS SELECT 'yes'::text AS v")
	stop(t, c)
	again := start(t, dir)
	if got := query(t, again.URL(superuser, "postgres"), "SELECT v FROM kept"); got != "yes" {
		t.Errorf("kept = %q", got)
	}
	if err := again.Remove(t.Context()); err != nil {
		t.Error(err)
	}
}
