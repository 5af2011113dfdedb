package bench

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Noisy is what a loud neighbour does to a quiet tenant's searches.
type Noisy struct {
	Loud   int     `json:"loud_chunks"`
	Quiet  int     `json:"quiet_chunks"`
	Phases []Phase `json:"phases"`
	Ratio  float64 `json:"p95_ratio"` // with searches and load against alone
}

// Phase is one kind of neighbourhood.
type Phase struct {
	Neighbour string `json:"neighbour"`
	Percentiles
	Searches   int64   `json:"searches"`
	Neighbours float64 `json:"neighbour_searches_per_second"`
	Accepted   float64 `json:"neighbour_chunks_accepted_per_second"`
	Indexed    float64 `json:"neighbour_chunks_indexed_per_second"` // found by searches
}

// Noisy measures the smallest tenant's hybrid searches, one client, while the largest one does nothing, searches
// with all clients, loads, and does both. period is the length of each phase.
func (b *Bench) Noisy(ctx context.Context, period time.Duration) (*Noisy, error) {
	loud, quiet := b.cfg.Classes[0], b.cfg.Classes[0]
	for _, c := range b.cfg.Classes {
		if c.Chunks > loud.Chunks {
			loud = c
		}
		if c.Chunks < quiet.Chunks {
			quiet = c
		}
	}
	n := &neighbours{bench: b, period: period}
	for _, side := range []struct {
		chunks int
		cell   **cell
	}{{loud.Chunks, &n.loud}, {quiet.Chunks, &n.quiet}} {
		b.progress("loading a tenant with %d chunks", side.chunks)
		class := Class{Tenants: 1, Chunks: side.chunks}
		subjects, err := b.createTenants(ctx, 1, side.chunks)
		if err != nil {
			return nil, err
		}
		cells := b.cellsOf(class, subjects)
		if _, err := b.loadClass(ctx, class, subjects, cells); err != nil {
			return nil, err
		}
		b.tenants, *side.cell = append(b.tenants, subjects...), cells[2] // hybrid
	}
	if err := b.settle(ctx, b.tenants); err != nil {
		return nil, err
	}
	c, err := n.loud.queries[0].subject.client.Collection(ctx, collection)
	if err != nil {
		return nil, err
	}
	n.encodeVectors()
	n.next = int(c.Stats.Documents) // an earlier run of the same name may have loaded more than it began with
	result := &Noisy{Loud: loud.Chunks, Quiet: quiet.Chunks}
	for _, p := range []struct {
		name           string
		search, ingest bool
	}{{"none", false, false}, {"searches", true, false}, {"loads", false, true}, {"searches and loads", true, true}} {
		phase, err := n.run(ctx, p.name, p.search, p.ingest)
		if err != nil {
			return nil, err
		}
		result.Phases = append(result.Phases, phase)
		if err := n.drain(ctx); err != nil {
			return nil, err
		}
	}
	result.Ratio = result.Phases[3].P95 / result.Phases[0].P95
	return result, nil
}

// neighbours are the two tenants of one run.
type neighbours struct {
	bench       *Bench
	loud, quiet *cell
	period      time.Duration
	next        int      // the first chunk that the loud tenant does not have yet
	vectors     [][]byte // of its first chunks, encoded
	loaded      int      // chunks sent beyond those the tenant began with
	operations  []string // of what was sent in this phase
}

func (n *neighbours) run(ctx context.Context, name string, search, ingest bool) (Phase, error) {
	n.bench.progress("quiet tenant beside a neighbour: %s", name)
	indexed, err := n.indexed(ctx)
	if err != nil {
		return Phase{}, err
	}
	until := time.Now().Add(n.period)
	times, before := newLatencies(), n.loaded
	var searches atomic.Int64
	group, grouped := errgroup.WithContext(ctx)
	if search {
		group.Go(func() error {
			return n.bench.clients(grouped, until, n.loud.queries, func(time.Duration) { searches.Add(1) })
		})
	}
	if ingest {
		group.Go(func() error { return n.keepLoading(grouped, until) })
	}
	group.Go(func() error {
		ask := n.bench.byHTTP()
		for i := 0; i == 0 || time.Now().Before(until); i++ { // without an answer there is nothing to compare
			took, err := ask(grouped, n.quiet.queries[i%len(n.quiet.queries)])
			if err != nil {
				return fmt.Errorf("the quiet tenant's search: %w", err)
			}
			times.add(took)
		}
		now, err := n.indexed(grouped)
		indexed = now - indexed
		return err
	})
	if err := group.Wait(); err != nil {
		return Phase{}, err
	}
	seconds := n.period.Seconds()
	return Phase{
		Neighbour: name, Percentiles: times.percentiles(), Searches: times.TotalCount(),
		Neighbours: float64(searches.Load()) / seconds, Accepted: float64(n.loaded-before) / seconds, Indexed: float64(indexed) / seconds,
	}, nil
}

// indexed is how many chunks of the loud tenant searches can find.
func (n *neighbours) indexed(ctx context.Context) (int64, error) {
	c, err := n.loud.queries[0].subject.client.Collection(ctx, collection)
	return c.Stats.Chunks, err
}

// keepLoading sends one bulk request after the other, one at least, and waits for none: a neighbour's queue is part of its noise. The
// documents are new ones with the vectors of its first: making vectors takes more of the machine than sending them.
func (n *neighbours) keepLoading(ctx context.Context, until time.Time) error {
	s := n.loud.queries[0].subject
	var lines bytes.Buffer
	for sent := false; !sent || time.Now().Before(until); sent = true {
		lines.Reset()
		for i := n.next + n.loaded; i < n.next+n.loaded+bodyDocuments; i++ {
			text := strings.Join(words(n.bench.cfg.Seed, s.number, i, n.bench.cfg.Words), " ")
			fmt.Fprintf(&lines, `{"id":"%s","metadata":{"share":%d},"chunks":[{"text":"%s","vector":%s}]}`+"\n",
				documentID(i), shareOf(i%s.chunks, s.chunks), text, n.vectors[i%len(n.vectors)])
		}
		operation, err := n.bench.send(ctx, s, lines.Bytes())
		if err != nil {
			return fmt.Errorf("the neighbour's load: %w", err)
		}
		n.operations = append(n.operations, operation)
		n.loaded += bodyDocuments
	}
	return nil
}

// drain waits until what a phase has sent is indexed: the next one is to find the neighbour at rest.
func (n *neighbours) drain(ctx context.Context) error {
	n.bench.progress("waiting for the neighbour's queue")
	for _, id := range n.operations {
		if _, err := n.loud.queries[0].subject.client.WaitOperation(ctx, id, nil); err != nil {
			return err
		}
	}
	n.operations = nil
	return nil
}

// encodeVectors prepares what keepLoading sends.
func (n *neighbours) encodeVectors() {
	s := n.loud.queries[0].subject
	for i := range min(bodyDocuments, s.chunks) {
		n.vectors = append(n.vectors, appendVector(nil, n.bench.vectors.chunk(s.number, i)))
	}
}
