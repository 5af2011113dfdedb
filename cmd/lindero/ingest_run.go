package main

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"lindero/client"
)

const (
	// inMemory bounds the documents that are read and not yet sent, in bytes of their sources. What they take in
	// memory is some three times that, in base64 and in the request.
	inMemory = 64 << 20
	// unsettled is how many requests may wait for their documents to be indexed before sending pauses.
	unsettled = 64
)

// ingestion is one run of the command: sources are read in order, prepared and sent in parallel, and waited for
// in the background.
type ingestion struct {
	command *ingestCommand
	console *console
	api     *client.Client
	found   findings
	result  *report
	local   map[string]bool // ids that the sources have; only with --delete-missing

	memory  *semaphore.Weighted
	awaited chan awaited

	mu     sync.Mutex
	flying map[string]bool // ids being sent
}

func newIngestion(command *ingestCommand, c *console, api *client.Client, found findings) *ingestion {
	g := &ingestion{
		command: command, console: c, api: api, found: found, result: newReport(command, c, found),
		memory: semaphore.NewWeighted(inMemory), awaited: make(chan awaited, unsettled), flying: map[string]bool{},
	}
	if command.DeleteMissing {
		g.local = make(map[string]bool, len(found.sources))
		for _, s := range found.sources {
			if s.id != "" { // lines tell theirs later
				g.local[s.id] = true
			}
		}
	}
	return g
}

func (g *ingestion) run() error {
	group, ctx := errgroup.WithContext(g.console.ctx)
	group.Go(func() error { return g.awaitAll(ctx) })
	group.Go(func() error {
		defer close(g.awaited)
		return g.sendAll(ctx)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if g.command.DeleteMissing {
		return g.mirror(g.console.ctx)
	}
	return nil
}

// batch is what goes into one request.
type batch struct {
	items  []item
	empty  []string // ids of files without content
	weight int64    // taken of memory
}

// sendAll returns when everything is sent. It does not wait for the reading to notice that ctx is done: nothing
// interrupts a read of standard input.
func (g *ingestion) sendAll(ctx context.Context) error {
	senders, sending := errgroup.WithContext(ctx)
	parallel := g.command.Parallel
	if g.command.DryRun {
		parallel = 1 // so that it prints in order
	}
	senders.SetLimit(parallel)
	prepared := make(chan chan batch, parallel)
	go g.read(sending, prepared)
	var busy sync.WaitGroup
	for {
		b, more := next(sending, prepared)
		if !more {
			break
		}
		b = g.distinct(b)
		if g.anyFlying(b) { // the later one counts, so it must not overtake
			busy.Wait()
		}
		g.take(b)
		busy.Add(1)
		senders.Go(func() error {
			defer busy.Done()
			defer g.done(b)
			return g.send(sending, b.items)
		})
	}
	if err := senders.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// read gives batches in the order of the sources, while they are prepared in parallel.
func (g *ingestion) read(ctx context.Context, prepared chan<- chan batch) {
	defer close(prepared)
	r := &reader{stdin: g.console.in, report: g.result, emit: func(raws []raw) error {
		weight := int64(0)
		for _, document := range raws {
			weight += document.size()
		}
		weight = min(weight, inMemory)
		if err := g.memory.Acquire(ctx, weight); err != nil {
			return err
		}
		result := make(chan batch, 1)
		go func() { result <- g.prepareAll(raws, weight) }()
		select {
		case prepared <- result:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	_ = r.readAll(ctx, g.found.sources) // its only error is that of ctx
}

func next(ctx context.Context, prepared <-chan chan batch) (b batch, more bool) {
	select {
	case <-ctx.Done():
		return b, false
	case result, more := <-prepared:
		if !more {
			return b, false
		}
		return <-result, true
	}
}

func (g *ingestion) prepareAll(raws []raw, weight int64) batch {
	b := batch{weight: weight}
	for _, r := range raws {
		document, failed, err := prepare(r)
		switch {
		case err != nil:
			b.empty = append(b.empty, r.source.id)
			g.result.empty()
			g.result.settled(0, r.size())
		case failed != nil && r.line != nil:
			g.result.unread(*failed)
			g.result.settled(1, r.size())
		case failed != nil:
			g.result.failed(*failed)
			g.result.settled(1, r.size())
		default:
			b.items = append(b.items, document)
		}
	}
	return b
}

// distinct leaves the last of the documents with the same id.
func (g *ingestion) distinct(b batch) batch {
	last := make(map[string]int, len(b.items))
	for i, document := range b.items {
		last[document.id] = i
	}
	items := b.items[:0]
	for i, document := range b.items {
		if last[document.id] == i {
			items = append(items, document)
		} else {
			g.result.settled(0, document.size)
		}
	}
	b.items = items
	return b
}

func (g *ingestion) anyFlying(b batch) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, document := range b.items {
		if g.flying[document.id] {
			return true
		}
	}
	return false
}

func (g *ingestion) take(b batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, document := range b.items {
		g.flying[document.id] = true
		if g.local != nil {
			g.local[document.id] = true
		}
	}
	for _, id := range b.empty {
		delete(g.local, id)
	}
}

func (g *ingestion) done(b batch) {
	g.memory.Release(b.weight)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, document := range b.items {
		delete(g.flying, document.id)
	}
}
