package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"lindero/internal/localpg"
)

const (
	// keeperEnv makes a test binary the keeper of the shared cluster in the directory it names.
	keeperEnv = "LINDERO_PGTEST_KEEPER"
	// idleTime is how long the cluster outlives the last test process: the next package's tests begin soon.
	idleTime = 5 * time.Second
)

// A test binary that is asked to keep the cluster does nothing else, so this comes before its own main.
func init() {
	dir := os.Getenv(keeperEnv)
	if dir == "" {
		return
	}
	if err := keep(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// keep runs the cluster until nobody has used it for a while, and deletes it.
func keep(dir string) error {
	published := filepath.Join(dir, "url")
	if err := os.Remove(published); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ctx := context.Background()
	cluster, err := localpg.Start(ctx, localpg.Config{
		Dir: filepath.Join(dir, "cluster"), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	if err := publish(published, cluster.URL("postgres", "postgres")); err != nil {
		return errors.Join(err, cluster.Remove(ctx))
	}
	users, err := untilUnused(filepath.Join(dir, "users"))
	if err != nil {
		return errors.Join(err, cluster.Remove(ctx))
	}
	// Whoever comes now waits for the lock, and finds neither URL nor server when it gets it.
	defer func() { _ = users.Close() }()
	return errors.Join(os.Remove(published), cluster.Remove(ctx))
}

// publish writes the URL so that a reader sees all of it or nothing.
func publish(path, url string) error {
	if err := os.WriteFile(path+".new", []byte(url+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// untilUnused returns the lock on the users' file once no test process has held it for idleTime.
func untilUnused(path string) (*os.File, error) {
	var idleSince time.Time
	for {
		lock, err := lockFile(path, syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil && !idleSince.IsZero() && time.Since(idleSince) >= idleTime:
			return lock, nil
		case err == nil:
			_ = lock.Close()
			if idleSince.IsZero() {
				idleSince = time.Now()
			}
		case errors.Is(err, syscall.EWOULDBLOCK):
			idleSince = time.Time{}
		default:
			return nil, err
		}
		time.Sleep(200 * time.Millisecond) // a lock cannot be waited for without taking it from newcomers
	}
}
