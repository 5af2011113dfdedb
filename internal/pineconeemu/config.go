package pineconeemu

import (
	"log/slog"
	"net"
	"time"

	"lindero/fault"
)

// Config says how an emulator behaves. The zero value is an emulator in memory with Pinecone's own limits, on free
// ports of 127.0.0.1, whose writes are visible at once.
type Config struct {
	// Listen is the control plane's address, 127.0.0.1:0 when empty. It must be a loopback address, for nothing is
	// encrypted. Every index listens on a free port of the same address, as every index of the service has its own host.
	Listen string
	// APIKey is the only key accepted. When it is empty every key is, but a request without one is still refused.
	APIKey string
	// Dir keeps the contents across restarts, for one emulator at a time; empty means in memory only.
	Dir string
	// Visibility is when writes become visible to reads.
	Visibility Visibility
	// ReadyAfter is how long a new index is Initializing and answers Unavailable.
	ReadyAfter time.Duration
	// RateLimit is the number of requests a second and kind of request that a namespace may send: 0 is the service's
	// 100, less than 0 is no limit. The service's other limits a second follow in proportion (paces).
	RateLimit int
	// Seed drives the faults' probabilities and malice, so that a run can be repeated.
	Seed uint64
	// Log receives one line a call at debug level; nil discards.
	Log *slog.Logger

	now func() time.Time // by which the limits a second go
}

// Visibility is when an acknowledged write becomes visible to reads.
type Visibility struct {
	// Delay is the time from acknowledgement to visibility; 0 is at once.
	Delay time.Duration
	// Hold keeps writes invisible until Release, whatever the delay.
	Hold bool
}

const defaultRateLimit = 100

func (c Config) withDefaults() (Config, error) {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return c, fault.Wrap(err, fault.Invalid, "the Pinecone emulator needs a listen address of the form host:port, not %q", c.Listen)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return c, fault.New(fault.Invalid, "the Pinecone emulator is not encrypted and listens on a loopback address only, not on %q", host)
	}
	if c.Visibility.Delay < 0 || c.ReadyAfter < 0 {
		return c, fault.New(fault.Invalid, "the Pinecone emulator's delays cannot be negative")
	}
	if c.RateLimit == 0 {
		c.RateLimit = defaultRateLimit
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
