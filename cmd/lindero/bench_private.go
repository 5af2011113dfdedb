package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"lindero/client"
	"lindero/internal/bench"
	"lindero/internal/localpg"
)

// private is a deployment of the benchmark's own: a private PostgreSQL, and `lindero serve` as a process of its own,
// so that its memory is not ours and it can be started again.
type private struct {
	dir      string
	cluster  *localpg.Cluster
	adminKey string
	log      io.Writer
	server   *exec.Cmd
	url      string
}

// startTimeout bounds a start of the server.
const startTimeout = time.Minute

// startPrivate makes a deployment in dir, or in a temporary directory when dir is empty.
func startPrivate(ctx context.Context, log io.Writer, dir, adminKey string) (p *private, err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lindero-bench-"); err != nil {
			return nil, err
		}
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if adminKey == "" {
		adminKey = "lpk_" + strings.ToLower(rand.Text()+rand.Text())
	}
	p = &private{dir: dir, log: log, adminKey: adminKey}
	quiet := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if p.cluster, err = localpg.Start(ctx, localpg.Config{Dir: dir, Durable: true, Log: quiet}); err != nil {
		return nil, fmt.Errorf("start the private PostgreSQL: %w", err)
	}
	if err = prepareDatabase(ctx, p.cluster, quiet); err == nil {
		err = p.serve(ctx, "127.0.0.1:0")
	}
	if err != nil {
		p.stop(false)
		return nil, err
	}
	fmt.Fprintf(log, "private deployment at %s, PostgreSQL %s, pgvector %s\n", p.url, p.cluster.Binaries().Version, p.cluster.Binaries().Pgvector)
	return p, nil
}

func (p *private) deployment() bench.Deployment {
	return bench.Deployment{URL: p.url, AdminKey: p.adminKey, DatabaseURL: p.cluster.URL("lindero_app", devDatabase), Restart: p.restart}
}

// serve starts the server and returns when it is ready.
func (p *private) serve(ctx context.Context, listen string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	p.server = exec.Command(program, "serve", "--listen", listen, "--log-level", "info")
	p.server.Env = append(os.Environ(),
		"LINDERO_DATABASE_URL="+p.cluster.URL("lindero_app", devDatabase),
		"LINDERO_PLATFORM_DATABASE_URL="+p.cluster.URL("lindero_platform", devDatabase),
		"LINDERO_ADMIN_KEY="+p.adminKey, "LINDERO_EMBEDDER=builtin")
	logs, err := p.server.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.server.Start(); err != nil {
		return err
	}
	listening := make(chan string, 1)
	go p.follow(logs, listening)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case address, ok := <-listening:
		if !ok {
			return errors.New("the server ended before it was ready")
		}
		p.url = "http://" + address
	case <-ctx.Done():
		return fmt.Errorf("the server did not start: %w", ctx.Err())
	}
	c, err := client.New(client.Config{URL: p.url})
	if err != nil {
		return err
	}
	return c.Ready(ctx)
}

// follow reads the server's log to its end: says where it listens, and passes on what it warns of.
func (p *private) follow(logs io.Reader, listening chan<- string) {
	defer close(listening)
	lines := bufio.NewScanner(logs)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var entry struct{ Level, Msg, Address string }
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil || entry.Level == "WARN" || entry.Level == "ERROR" {
			fmt.Fprintln(p.log, lines.Text())
		}
		if entry.Msg == "listening" {
			listening <- entry.Address
		}
	}
}

// restart ends the server and starts it again at the same address.
func (p *private) restart(ctx context.Context) (time.Duration, error) {
	if err := p.endServer(); err != nil {
		return 0, err
	}
	started := time.Now()
	err := p.serve(ctx, strings.TrimPrefix(p.url, "http://"))
	return time.Since(started), err
}

func (p *private) endServer() error {
	if p.server == nil || p.server.Process == nil {
		return nil
	}
	if err := p.server.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	kill := time.AfterFunc(startTimeout, func() { _ = p.server.Process.Kill() })
	defer kill.Stop()
	return p.server.Wait()
}

// stop ends everything, and removes the data unless it is to be kept.
func (p *private) stop(keep bool) {
	err := p.endServer()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if keep {
		err = errors.Join(err, p.cluster.Stop(ctx))
		fmt.Fprintln(p.log, "the private deployment's data is kept in", p.dir)
	} else {
		err = errors.Join(err, p.cluster.Remove(ctx), os.RemoveAll(p.dir))
	}
	if err != nil {
		fmt.Fprintln(p.log, "the private deployment did not end well:", err)
	}
}
