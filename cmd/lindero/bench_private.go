package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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
	exited   chan struct{} // closed when the server has ended; then exit says how
	exit     error
	url      string
}

// startTimeout bounds a start of the server.
const startTimeout = time.Minute

// startPrivate makes a deployment in dir, or in a temporary directory when dir is empty.
func startPrivate(ctx context.Context, log io.Writer, dir, adminKey string) (p *private, err error) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a reader that stops reading must not leave the server running
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
	// A file and not a pipe: a reader that wakes up for each request's line would be measured with the server.
	logs, err := os.Create(filepath.Join(p.dir, "server.log"))
	if err != nil {
		return err
	}
	p.server.Stderr = logs
	if err := p.server.Start(); err != nil {
		return errors.Join(err, logs.Close())
	}
	p.exited = make(chan struct{})
	go func() {
		p.exit = p.server.Wait()
		close(p.exited)
	}()
	listening := make(chan string, 1)
	go p.follow(logs.Name(), p.exited, listening)
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

// logEvery is how often the server's log is looked at.
const logEvery = 100 * time.Millisecond

// follow reads the server's log until it has ended: says where it listens, and passes on what it warns of.
func (p *private) follow(path string, exited <-chan struct{}, listening chan<- string) {
	defer close(listening)
	logs, err := os.Open(path)
	if err != nil {
		fmt.Fprintln(p.log, err)
		return
	}
	defer func() { _ = logs.Close() }()
	reader := bufio.NewReader(logs)
	var line []byte
	for last := false; ; {
		part, err := reader.ReadBytes('\n')
		line = append(line, part...)
		if err == nil {
			p.read(line, listening)
			line = line[:0]
			continue
		}
		if last {
			return
		}
		select {
		case <-exited:
			last = true // what it wrote last is still to be read
		case <-time.After(logEvery):
		}
	}
}

var routine = []byte(`"msg":"request"`)

// read looks at one line of the log. Most are of requests, and not worth decoding.
func (p *private) read(line []byte, listening chan<- string) {
	if bytes.Contains(line, routine) && bytes.Contains(line, []byte(`"level":"INFO"`)) {
		return
	}
	var entry struct{ Level, Msg, Address string }
	if err := json.Unmarshal(line, &entry); err != nil || entry.Level == "WARN" || entry.Level == "ERROR" {
		fmt.Fprint(p.log, string(line))
	}
	if entry.Msg == "listening" {
		listening <- entry.Address
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
	<-p.exited
	return p.exit
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
