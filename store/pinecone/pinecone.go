// Package pinecone serves vector searches from Pinecone, one namespace per tenant and one index per embedding
// dimension, beside the record in PostgreSQL: it proposes candidates, and the database scores, filters and reads
// them (wall 4 of the design). What the record gains or loses reaches Pinecone through the outbox that Sync works
// off. The SDK stays behind this package.
package pinecone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/tenant"
)

// Config says which Pinecone to use. APIKey is required.
type Config struct {
	APIKey string
	// Host is the control plane's URL; empty is Pinecone's own. http:// is for an emulator: nothing is encrypted.
	Host string
	// Index begins the names of the indexes, which end in their dimension; empty means "lindero".
	Index string
	// Cloud and Region are where new indexes are made; empty means aws, us-east-1.
	Cloud, Region string
	// RequestsPerSecond bounds the requests of a kind to one namespace; 0 means Pinecone's own limit, 100. Its other
	// limits a second (pace.go) are held in proportion.
	RequestsPerSecond int
	// Backoff is the first pause before a write is tried again; 0 means 100 ms. The other pauses are in proportion.
	Backoff time.Duration
	Log     *slog.Logger // nil: no logs
}

const defaultBackoff = 100 * time.Millisecond

// controlTimeout bounds one request to the control plane.
const controlTimeout = 20 * time.Second

var indexName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

func (c Config) withDefaults() (Config, error) {
	if c.APIKey == "" {
		return c, errors.New("pinecone: PINECONE_API_KEY is not set")
	}
	if c.Index == "" {
		c.Index = "lindero"
	}
	if !indexName.MatchString(c.Index) {
		return c, fmt.Errorf("pinecone: the index name %q must be 1 to 40 characters of a-z, 0-9 and -, so that the dimension can follow", c.Index)
	}
	if c.Host != "" {
		if _, err := checkHost(c.Host); err != nil {
			return c, err
		}
	}
	if c.Cloud == "" {
		c.Cloud = string(sdk.Aws)
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.RequestsPerSecond <= 0 {
		c.RequestsPerSecond = requestsPerSecond
	}
	if c.Backoff <= 0 {
		c.Backoff = defaultBackoff
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// checkHost refuses what the SDK would end the process for. A host without a scheme means TLS.
func checkHost(host string) (string, error) {
	full := host
	if !strings.Contains(host, "://") {
		full = "https://" + host
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || strings.ContainsAny(u.Host, " \t") {
		return "", fmt.Errorf("pinecone: %q is not a host like https://api.pinecone.io", host)
	}
	return full, nil
}

// Backend is the connection to Pinecone, shared by all tenants. It is safe for concurrent use.
type Backend struct {
	cfg    Config
	client *sdk.Client
	paces  *otter.Cache[tenant.ID, *spacePace]

	mu      sync.Mutex
	indexes map[int]*index // by dimension
}

// pacesKept bounds how many tenants' paces are remembered; one that is forgotten starts anew.
const (
	pacesKept = 10_000
	paceLife  = 10 * time.Minute
)

// New prepares the connection; nothing is asked before it is needed.
func New(cfg Config) (*Backend, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	client, err := sdk.NewClient(sdk.NewClientParams{
		ApiKey: cfg.APIKey, Host: cfg.Host, SourceTag: "lindero", RestClient: &http.Client{Timeout: controlTimeout},
	})
	if err != nil {
		return nil, fmt.Errorf("pinecone: %w", err)
	}
	paces, err := otter.New(&otter.Options[tenant.ID, *spacePace]{
		MaximumSize: pacesKept, ExpiryCalculator: otter.ExpiryAccessing[tenant.ID, *spacePace](paceLife),
	})
	if err != nil {
		return nil, err
	}
	return &Backend{cfg: cfg, client: client, paces: paces, indexes: map[int]*index{}}, nil
}

// Close ends the connections.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for dimensions, x := range b.indexes {
		errs = append(errs, x.conn.Close())
		delete(b.indexes, dimensions)
	}
	return errors.Join(errs...)
}

// Ping asks the control plane for a sign of life.
func (b *Backend) Ping(ctx context.Context) error {
	_, err := b.client.ListIndexes(ctx)
	return err
}

func (b *Backend) paceOf(id tenant.ID) *spacePace {
	pace, _ := b.paces.ComputeIfAbsent(id, func() (*spacePace, bool) { return b.cfg.spacePace(), false })
	return pace
}
