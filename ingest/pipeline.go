package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"lindero/embed"
	"lindero/fault"
	"lindero/ingest/extract"
	"lindero/search/lexical/analysis"
	"lindero/store"
)

// Pipeline turns work items into passages: extract, chunk, analyse, embed. It keeps no state between calls
// and is safe for concurrent use.
type Pipeline struct {
	// DocumentTime bounds the extraction of one document; zero is extract's default.
	DocumentTime time.Duration
	// Memory is shared by all documents that are extracted at the same time; nil is without bound.
	Memory *extract.Memory
	// Parallel is how many documents are worked on at once; zero means two.
	Parallel int
	Log      *slog.Logger // required
}

// Outcome is what became of one item: prepared, or an error.
type Outcome struct {
	Prepared store.Prepared
	Err      error
}

// Transient reports whether an outcome's error is worth another try: an outage, an interruption, or a panic,
// whose cause may have been memory or a neighbour.
func Transient(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.Unavailable || code == fault.Internal || code == fault.RateLimited
}

// Prepare works on items of collection c and returns an outcome for each, in their order. A document that
// fails or panics spoils no other. The items' vectors are normalised where they are. The embedder is not asked in a collection whose vectors the caller sends,
// and may be nil there.
func (p *Pipeline) Prepare(ctx context.Context, c store.Collection, embedder embed.Embedder, items []store.WorkItem) []Outcome {
	outcomes := make([]Outcome, len(items))
	p.each(len(items), func() func(int) {
		memo := &analysis.Memo{}
		return func(i int) { outcomes[i].Prepared, outcomes[i].Err = p.analyse(ctx, c, items[i], memo) }
	})
	if c.Embedding.Provider == store.ProviderExternal {
		for i := range outcomes {
			if outcomes[i].Err == nil {
				outcomes[i].Err = normalizeAll(&outcomes[i].Prepared)
			}
		}
		return outcomes
	}
	p.embedAll(ctx, embedder, outcomes)
	return outcomes
}

// each works on 0…n-1 on a few goroutines, each of which begins by making its own function.
func (p *Pipeline) each(n int, worker func() func(int)) {
	workers := p.Parallel
	if workers <= 0 {
		workers = 2
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(workers, n) {
		group.Go(func() {
			do := worker()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	group.Wait()
}

// analyse prepares one item up to its embedding.
func (p *Pipeline) analyse(ctx context.Context, c store.Collection, item store.WorkItem, memo *analysis.Memo) (prepared store.Prepared, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			p.Log.ErrorContext(ctx, "a document made the pipeline panic", "document_key", item.Key, "panic", fmt.Sprint(cause),
				"stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "the document could not be processed")
		}
	}()
	if err := ctx.Err(); err != nil {
		return store.Prepared{}, fault.Wrap(err, fault.Unavailable, "the work was interrupted")
	}
	if len(item.Payload.Parts) > 0 {
		return fromParts(c, item, memo), nil
	}
	return p.fromContent(ctx, c, item, memo)
}

func normalizeAll(prepared *store.Prepared) error {
	for i := range prepared.Passages {
		if err := embed.Normalize(prepared.Passages[i].Vector); err != nil {
			return fault.Wrap(err, fault.Invalid, "chunk %d has no usable vector", i)
		}
	}
	return nil
}
