// Package localpg runs a private PostgreSQL cluster: it finds the programs, makes the data directory, starts the
// server on a Unix socket only, restarts it when it dies, and leaves nothing running. It serves `lindero dev`
// and the tests; it is not meant for production data.
package localpg

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	socketPort = "5432" // part of the socket's name; the directory is the cluster's own
	// startTimeout bounds one start; recovery after a crash is part of it.
	startTimeout = 60 * time.Second
	// stopGrace is how long a shutdown may take before a firmer one.
	stopGrace = 10 * time.Second
)

// Config says what to run. Dir is required.
type Config struct {
	// Dir holds the lock, the log and, where the server's user can reach it, the data in Dir/postgres. It is
	// made when absent. The data of a root-owned, closed directory lies below /var/lib/lindero instead, and
	// Dir/postgres.location says where.
	Dir string
	// Binaries is the installation to use; zero: the newest. Existing data decides for itself.
	Binaries Binaries
	// Durable makes commits survive a crash of the machine. Tests do without and are faster.
	Durable bool
	// Settings are further server settings, such as "log_statement=all"; they win over the built-in ones.
	Settings []string
	// Log reports crashes and restarts; nil: nowhere.
	Log *slog.Logger
}

// Cluster is a running private cluster. It is safe for concurrent use.
type Cluster struct {
	place    place
	binaries Binaries
	durable  bool
	settings []string
	log      *slog.Logger
	lock     *os.File

	mu      sync.Mutex
	current *process
	ready   chan struct{} // closed while the current process accepts connections

	ending   context.Context // done as soon as Stop is called
	end      context.CancelFunc
	finished chan struct{} // closed when the supervisor has returned
}

// Start runs the cluster of cfg.Dir and returns when it accepts connections. A server left over from a killed
// process is stopped first. Errors: ErrNotInstalled, ErrInUse, or what PostgreSQL said in its log.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	if cfg.Binaries == (Binaries{}) {
		found, err := Find()
		if err != nil {
			return nil, err
		}
		cfg.Binaries = found
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	place, err := locate(cfg.Dir)
	if err != nil {
		return nil, err
	}
	lock, err := lockDirectory(place.dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{place: place, binaries: cfg.Binaries, durable: cfg.Durable, settings: cfg.Settings, log: cfg.Log, lock: lock}
	if err := c.begin(ctx); err != nil {
		_ = os.RemoveAll(place.socket)
		_ = lock.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) begin(ctx context.Context) error {
	if err := c.ensureData(); err != nil {
		return err
	}
	if err := trimLog(c.place.log()); err != nil {
		return err
	}
	c.ready = make(chan struct{})
	proc, err := c.launch(ctx)
	if err != nil {
		return err
	}
	c.ending, c.end = context.WithCancel(context.Background())
	c.finished = make(chan struct{})
	c.setReady(proc)
	go c.supervise()
	return nil
}

// URL connects as user to a database of the cluster. The superuser is "postgres".
func (c *Cluster) URL(user, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + database,
		RawQuery: url.Values{"host": {c.place.socket}, "port": {socketPort}}.Encode()}
	return u.String()
}

// Binaries is the installation in use.
func (c *Cluster) Binaries() Binaries { return c.binaries }

// DataDir is PostgreSQL's data directory.
func (c *Cluster) DataDir() string { return c.place.data }

// Stop shuts the server down and releases the directory. It waits for the shutdown, or until ctx is done, when
// the server is made to end at once. Calling it again does nothing.
func (c *Cluster) Stop(ctx context.Context) error {
	c.end()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		c.process().end(stopGrace)
		<-c.finished
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		_ = c.process().cmd.Process.Signal(immediateShutdown) // fails only when it has ended
		<-stopped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lock == nil {
		return nil
	}
	err := errors.Join(os.RemoveAll(c.place.socket), c.lock.Close())
	c.lock = nil
	return err
}

// Remove stops the cluster and deletes its data for good.
func (c *Cluster) Remove(ctx context.Context) error {
	if err := c.Stop(ctx); err != nil {
		return err
	}
	if filepath.Dir(c.place.data) != c.place.dir {
		return errors.Join(os.RemoveAll(filepath.Dir(c.place.data)), os.Remove(c.place.pointer()))
	}
	return os.RemoveAll(c.place.data)
}
