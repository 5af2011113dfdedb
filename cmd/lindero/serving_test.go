package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"lindero/client"
	"lindero/internal/pgtest"
)

// serving is a `lindero serve` that runs inside the test, on a database of its own.
type serving struct {
	db  *pgtest.DB
	url string
}

var addressPattern = regexp.MustCompile(`"address":"(127\.0\.0\.1:\d+)"`)

// serve starts the server, with flags beside those that every server needs.
func serve(t *testing.T, flags ...string) *serving {
	t.Helper()
	return serveOn(t, pgtest.New(t), flags...)
}

func serveOn(t *testing.T, db *pgtest.DB, flags ...string) *serving {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	log, code := newScreen(), make(chan int, 1)
	go func() {
		code <- run(&console{ctx: ctx, in: strings.NewReader(""), out: newScreen(), err: log}, append(serveArgs(db), flags...))
	}()
	t.Cleanup(func() {
		stop()
		if ended := <-code; ended != exitOK {
			t.Errorf("the server ended with %d:\n%s", ended, log)
		}
	})
	return &serving{db: db, url: listening(t, log)}
}

// serveApart starts the server as a process of its own.
func serveApart(t *testing.T) (*serving, *process) {
	t.Helper()
	db := pgtest.New(t)
	p := startProcess(t, nil, serveArgs(db)...)
	return &serving{db: db, url: listening(t, p.err)}, p
}

func serveArgs(db *pgtest.DB) []string {
	return []string{"serve", "--listen", "127.0.0.1:0", "--database-url", db.AppURL(), "--platform-url", db.PlatformURL(), "--admin-key", adminKey}
}

// listening waits until the log tells the address.
func listening(t *testing.T, log *screen) string {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		if found := addressPattern.FindStringSubmatch(log.String()); found != nil {
			return "http://" + found[1]
		}
		select {
		case <-log.changed:
		case <-timeout:
			t.Fatalf("the server is not ready:\n%s", log)
		}
	}
}

const adminKey = "platform-key-of-the-tests"

// customer is a tenant with a key, and the command line in its hands.
type customer struct {
	*client.Client
	t   *testing.T
	url string
	key string
}

func (s *serving) customer(t *testing.T, slug string) *customer {
	t.Helper()
	operator, err := client.New(client.Config{URL: s.url, Key: adminKey})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Platform().CreateTenant(t.Context(), client.TenantSpec{Slug: slug, Name: slug, Plan: "business"}); err != nil {
		t.Fatal(err)
	}
	key, err := operator.Platform().CreateKey(t.Context(), slug, client.KeySpec{Name: "test", Role: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{URL: s.url, Key: key.Secret})
	if err != nil {
		t.Fatal(err)
	}
	return &customer{Client: c, t: t, url: s.url, key: key.Secret}
}

// command runs a command of the customer's with input as standard input.
func (c *customer) command(input string, args ...string) (code int, out, err string) {
	c.t.Helper()
	stdout, stderr := newScreen(), newScreen()
	args = append(args[:1:1], append([]string{"--url", c.url, "--api-key", c.key}, args[1:]...)...)
	code = run(&console{ctx: c.t.Context(), in: strings.NewReader(input), out: stdout, err: stderr}, args)
	return code, stdout.String(), stderr.String()
}

// ingest runs lindero ingest --json, wants its exit code and returns its summary.
func (c *customer) ingest(want int, args ...string) summary {
	c.t.Helper()
	return c.ingestFrom("", want, args...)
}

func (c *customer) ingestFrom(input string, want int, args ...string) summary {
	c.t.Helper()
	code, out, problems := c.command(input, append([]string{"ingest", "--json"}, args...)...)
	var s summary
	if code != want {
		c.t.Fatalf("lindero ingest %v ended with %d, want %d:\n%s%s", args, code, want, out, problems)
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		c.t.Fatalf("lindero ingest %v: %v in %q, %s", args, err, out, problems)
	}
	return s
}

// documents are a collection's documents by id.
func (c *customer) documents() map[string]client.Document {
	c.t.Helper()
	all := map[string]client.Document{}
	for d, err := range c.Documents(c.t.Context(), "default", client.DocumentQuery{}) {
		if err != nil {
			c.t.Fatal(err)
		}
		all[d.ID] = d
	}
	return all
}

// writeFiles makes files below dir, from path and content.
func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
