package bench

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Percentiles of a latency, in milliseconds.
type Percentiles struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
}

// latencies collects durations from a microsecond to a minute with three digits.
type latencies struct{ *hdrhistogram.Histogram }

func newLatencies() latencies { return latencies{hdrhistogram.New(1, 60_000_000, 3)} }

func (l latencies) add(d time.Duration) {
	_ = l.RecordValue(min(max(d.Microseconds(), 1), 60_000_000)) // fails out of range only
}

func (l latencies) percentiles() Percentiles {
	at := func(p float64) float64 { return float64(l.ValueAtQuantile(p)) / 1000 }
	return Percentiles{P50: at(50), P95: at(95), P99: at(99)}
}

// warmUp is how many rounds go before those that count: connections, statements and caches.
const warmUp = 5

// asker runs one search and tells how long it took. It is for one goroutine.
type asker func(context.Context, *query) (time.Duration, error)

// latency measures all cells with one client, by each asker, in turns, so that whatever else the machine does hits all
// alike, and so does finding in the processor's caches what the asker before has read. The answer has a row for each
// asker with a column for each cell.
func (b *Bench) latency(ctx context.Context, cells []*cell, askers ...asker) ([][]Percentiles, error) {
	all := make([][]latencies, len(askers))
	for a := range all {
		all[a] = make([]latencies, len(cells))
		for i := range cells {
			all[a][i] = newLatencies()
		}
	}
	for round := range warmUp + b.cfg.Rounds {
		for i, c := range cells {
			for turn := 0; turn < len(askers) && c.failed == nil; turn++ {
				a := (turn + round/len(c.queries)) % len(askers)
				took, err := askers[a](ctx, c.queries[round%len(c.queries)])
				if err != nil {
					if err := c.broken(ctx, err); err != nil {
						return nil, err
					}
				} else if round >= warmUp {
					all[a][i].add(took)
				}
			}
		}
	}
	out := make([][]Percentiles, len(askers))
	for a := range all {
		for _, l := range all[a] {
			out[a] = append(out[a], l.percentiles())
		}
	}
	return out, nil
}

// byHTTP asks the service.
func (b *Bench) byHTTP() asker {
	var buffer bytes.Buffer
	return func(ctx context.Context, q *query) (time.Duration, error) {
		return b.ask(ctx, q.subject, q.body, &buffer)
	}
}

// throughputParts is in how many parts the throughput of a cell is measured, in turns with the other cells.
const throughputParts = 3

// throughput measures searches a second with several clients, each asking again as soon as it is answered.
func (b *Bench) throughput(ctx context.Context, cells []*cell) ([]float64, error) {
	answered, spent := make([]int64, len(cells)), make([]time.Duration, len(cells))
	for range throughputParts {
		for i, c := range cells {
			if c.failed != nil {
				continue
			}
			n, took, err := b.slice(ctx, c)
			if err != nil {
				if err := c.broken(ctx, err); err != nil {
					return nil, err
				}
			}
			answered[i] += n
			spent[i] += took
		}
	}
	out := make([]float64, len(cells))
	for i, c := range cells {
		if c.failed == nil {
			out[i] = float64(answered[i]) / spent[i].Seconds()
		}
	}
	return out, nil
}

func (b *Bench) slice(ctx context.Context, c *cell) (int64, time.Duration, error) {
	var answered atomic.Int64
	started := time.Now()
	err := b.clients(ctx, started.Add(b.cfg.Slice), c.queries, func(time.Duration) { answered.Add(1) })
	return answered.Load(), time.Since(started), err
}

// clients ask the queries over and over until a moment, each at least once; seen gets each answer's time, from many goroutines.
func (b *Bench) clients(ctx context.Context, until time.Time, queries []*query, seen func(time.Duration)) error {
	var next atomic.Int64
	var wait sync.WaitGroup
	failed := make([]error, b.cfg.Clients)
	for n := range b.cfg.Clients {
		wait.Go(func() {
			ask := b.byHTTP()
			for asked := false; !asked || time.Now().Before(until); asked = true {
				took, err := ask(ctx, queries[int(next.Add(1))%len(queries)])
				if err != nil {
					failed[n] = err
					return
				}
				seen(took)
			}
		})
	}
	wait.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}
