package bench

import (
	"context"
	"time"
)

// Sizes is the result of a run over tenants of different sizes.
type Sizes struct {
	Workload []Class  `json:"workload"`
	Settings Settings `json:"settings"`
	Ingest   []Ingest `json:"ingest"`
	Cells    []Cell   `json:"cells"`
	Loaded   Memory   `json:"memory_loaded"`
	Searched Memory   `json:"memory_searched"`
}

// Settings are what a result can be repeated with.
type Settings struct {
	Dimensions int    `json:"dimensions"`
	Words      int    `json:"words"`
	Seed       uint64 `json:"seed"`
	Vectors    string `json:"vectors,omitempty"`
	Queries    int    `json:"queries"`
	TopK       int    `json:"top_k"`
	Rounds     int    `json:"rounds"`
	Clients    int    `json:"clients"`

	RecallObjective float64 `json:"recall_objective"`
}

// Ingest is how fast a class was loaded: from the first request to the moment when all of it could be searched.
type Ingest struct {
	Class
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"chunks_per_second"`
}

// Cell is one kind of search on one class of tenants.
type Cell struct {
	Class
	Search string `json:"search"`
	Percentiles
	Throughput float64 `json:"searches_per_second"`
	Recall
	Raw   *Percentiles `json:"raw_ms,omitempty"`
	Ratio *float64     `json:"ratio_to_raw,omitempty"` // of the medians
	Error string       `json:"error,omitempty"`        // why it was measured no further
}

func (b *Bench) settings() Settings {
	return Settings{
		Dimensions: b.cfg.Dimensions, Words: b.cfg.Words, Seed: b.cfg.Seed, Vectors: b.cfg.Vectors,
		Queries: b.cfg.Queries, TopK: b.cfg.TopK, Rounds: b.cfg.Rounds, Clients: b.cfg.Clients,
		RecallObjective: recallObjective,
	}
}

// Sizes loads the workload and measures every kind of search on every class.
func (b *Bench) Sizes(ctx context.Context) (*Sizes, error) {
	result := &Sizes{Workload: b.cfg.Classes, Settings: b.settings()}
	cells, err := b.loadClasses(ctx, result)
	if err != nil {
		return nil, err
	}
	result.Loaded = b.memory(ctx)
	if err := b.measure(ctx, cells, result); err != nil {
		return nil, err
	}
	result.Searched = b.memory(ctx)
	return result, nil
}

func (b *Bench) loadClasses(ctx context.Context, result *Sizes) (cells []*cell, err error) {
	for _, class := range b.cfg.Classes {
		b.progress("loading %d × %d chunks", class.Tenants, class.Chunks)
		subjects, err := b.createTenants(ctx, class.Tenants, class.Chunks)
		if err != nil {
			return nil, err
		}
		own := b.cellsOf(class, subjects)
		ingest, err := b.loadClass(ctx, class, subjects, own)
		if err != nil {
			return nil, err
		}
		result.Ingest = append(result.Ingest, ingest)
		cells, b.tenants = append(cells, own...), append(b.tenants, subjects...)
	}
	b.progress("waiting for background work")
	return cells, b.settle(ctx, b.tenants)
}

func (b *Bench) loadClass(ctx context.Context, class Class, subjects []*subject, cells []*cell) (Ingest, error) {
	truths := map[*subject][]*truth{}
	for _, c := range cells {
		for _, q := range c.queries {
			if q.truth != nil {
				truths[q.subject] = append(truths[q.subject], q.truth)
			}
		}
	}
	err := b.parallel(ctx, len(subjects), setUp, func(ctx context.Context, i int) error { return b.open(ctx, subjects[i]) })
	if err != nil {
		return Ingest{}, err
	}
	started := time.Now()
	err = b.parallel(ctx, len(subjects), setUp, func(ctx context.Context, i int) error {
		return b.load(ctx, subjects[i], truths[subjects[i]])
	})
	seconds := time.Since(started).Seconds()
	return Ingest{Class: class, Seconds: seconds, Rate: float64(class.Tenants*class.Chunks) / seconds}, err
}

// measure fills in a result for each cell.
func (b *Bench) measure(ctx context.Context, cells []*cell, result *Sizes) error {
	result.Cells = make([]Cell, len(cells))
	b.progress("comparing %d kinds of search with the truth", len(cells))
	for i, c := range cells {
		recall, err := b.recall(ctx, c)
		if err != nil {
			if err := c.broken(ctx, err); err != nil {
				return err
			}
		}
		result.Cells[i] = Cell{Class: c.class, Search: c.name(), Recall: recall}
	}
	b.progress("measuring latency, one client, %d rounds", b.cfg.Rounds)
	percentiles, err := b.latency(ctx, cells, b.byHTTP())
	if err != nil {
		return err
	}
	b.progress("measuring throughput, %d clients", b.cfg.Clients)
	throughput, err := b.throughput(ctx, cells)
	if err != nil {
		return err
	}
	for i := range cells {
		result.Cells[i].Percentiles, result.Cells[i].Throughput = percentiles[0][i], throughput[i]
	}
	if b.cfg.Raw {
		if err := b.measureRaw(ctx, cells, result); err != nil {
			return err
		}
	}
	for i, c := range cells {
		if c.failed != nil {
			result.Cells[i].Error = c.failed.Error()
		}
	}
	return nil
}

// measureRaw runs the same searches as hand-written SQL. The service is measured once more, in turns with it, for a
// ratio of times that were not taken together says little.
func (b *Bench) measureRaw(ctx context.Context, cells []*cell, result *Sizes) error {
	b.progress("measuring hand-written SQL")
	only := ranked(cells)
	r, err := b.openRaw(ctx, b.tenants)
	if err != nil {
		return err
	}
	defer r.close()
	percentiles, err := b.latency(ctx, only, r.ask, b.byHTTP())
	if err != nil {
		return err
	}
	at := 0
	for i, c := range cells {
		if c.kind != kindVector {
			continue
		}
		if c.failed == nil {
			ratio := percentiles[1][at].P50 / percentiles[0][at].P50
			result.Cells[i].Raw, result.Cells[i].Ratio = &percentiles[0][at], &ratio
		}
		at++
	}
	return nil
}
