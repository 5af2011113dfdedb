// Package bench measures a running deployment over HTTP as its callers see it: latency, throughput, recall, ingest
// rate and memory over tenants of different sizes, what a neighbour's load does to a quiet tenant, and what ten
// thousand tenants cost. It makes its own tenants from generated data and deletes them. Against its own hand-written
// SQL on the same database it tells the service's overhead as a ratio.
package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"lindero/client"
)

// Deployment is what is measured.
type Deployment struct {
	URL      string
	AdminKey string
	// DatabaseURL, as lindero_app, is for the raw baseline and for PostgreSQL's memory. Empty: neither.
	DatabaseURL string
	// Restart ends the server and starts it again, and returns the time from its start until it was ready. Nil:
	// not ours to restart.
	Restart func(context.Context) (time.Duration, error)
}

// Config says what to do. All fields but Vectors, Raw, Keep, Name and Progress are required.
type Config struct {
	Deployment Deployment
	Classes    []Class
	Dimensions int
	Words      int    // of each chunk's text
	Seed       uint64 // the same seed makes the same data and queries
	Vectors    string // an .fvecs file to take vectors from instead of generating them; decides Dimensions
	Queries    int    // different queries for each class
	TopK       int
	Rounds     int           // searches of each kind and class by one client
	Clients    int           // at once, for throughput
	Slice      time.Duration // of throughput measured at a time, three times for each kind and class
	Settle     time.Duration // how long background work may take after loading, at most
	Raw        bool          // also run hand-written SQL on Deployment.DatabaseURL
	Keep       bool          // leave the tenants in place
	// Name begins the tenants' slugs; empty makes one. What a run of this name has kept is not loaded again.
	Name     string
	Progress func(string) // one line about what is being done
}

// Bench is one prepared run.
type Bench struct {
	cfg      Config
	platform client.Platform
	http     *http.Client // for what is timed
	shared   *http.Client // for all else: thousands of tenants' clients must not keep a connection each
	vectors  vectors
	name     string // of this run, the beginning of its tenants' slugs
	tenants  []*subject
	created  []string     // ids of the tenants to delete at the end
	found    atomic.Int64 // of these, how many an earlier run has made
}

// subject is a tenant made for the run.
type subject struct {
	number int // decides its data
	chunks int
	id     string
	key    string
	client *client.Client
}

// searchTimeout is how long a search may take before it counts as failed.
const searchTimeout = 30 * time.Second

// New checks the configuration and the deployment.
func New(ctx context.Context, cfg Config) (*Bench, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 2*cfg.Clients + setUpSmall
	transport.DisableCompression = true
	transport.WriteBufferSize, transport.ReadBufferSize = client.BufferBytes, client.BufferBytes
	b := &Bench{cfg: cfg, http: &http.Client{Transport: transport, Timeout: searchTimeout}, shared: &http.Client{Transport: transport}, name: cfg.Name}
	if b.name == "" {
		b.name = fmt.Sprintf("bench-%x", time.Now().UnixMilli())
	}
	c, err := client.New(client.Config{URL: cfg.Deployment.URL, Key: cfg.Deployment.AdminKey, UserAgent: "lindero-bench"})
	if err != nil {
		return nil, err
	}
	if err := c.Ready(ctx); err != nil {
		return nil, err
	}
	b.platform = c.Platform()
	if cfg.Vectors == "" {
		b.vectors = newSpace(cfg.Seed, cfg.Dimensions)
		return b, nil
	}
	file, err := openFvecs(cfg.Vectors, cfg.Seed)
	if err != nil {
		return nil, err
	}
	for _, class := range cfg.Classes {
		if class.Chunks > len(file.base) {
			return nil, fmt.Errorf("%s has %d vectors for chunks, and the workload has a tenant with %d", cfg.Vectors, len(file.base), class.Chunks)
		}
	}
	b.vectors, b.cfg.Dimensions = file, file.dimensions()
	return b, nil
}

// Close deletes the tenants of the run, unless they are to be kept.
func (b *Bench) Close(ctx context.Context) error {
	b.http.CloseIdleConnections()
	if b.cfg.Keep {
		return nil
	}
	b.progress("deleting %d tenants", len(b.created))
	return errors.Join(b.parallel(ctx, len(b.created), setUp, func(ctx context.Context, i int) error {
		_, err := b.platform.DeleteTenant(ctx, b.created[i])
		return err
	}))
}

func (b *Bench) progress(format string, args ...any) {
	if b.cfg.Progress != nil {
		b.cfg.Progress(fmt.Sprintf(format, args...))
	}
}
