package main

import (
	"context"
	"time"

	"lindero/client"
)

// awaited are documents that the server has and has not indexed yet. Their content is not kept.
type awaited struct {
	operation string // empty for what an earlier run sent
	items     []item
}

// await has documents waited for in the background. It blocks while too many are.
func (g *ingestion) await(ctx context.Context, operation string, items []item) error {
	if len(items) == 0 {
		return nil
	}
	a := awaited{operation: operation, items: make([]item, len(items))}
	for i, document := range items {
		a.items[i] = item{id: document.id, where: document.where, hash: document.hash, size: document.size}
	}
	if !g.command.Wait {
		g.result.settled(len(a.items), a.size())
		return nil
	}
	select {
	case g.awaited <- a:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a awaited) size() (bytes int64) {
	for _, document := range a.items {
		bytes += document.size
	}
	return bytes
}

// awaitAll waits for one after another: the server works them off in about this order.
func (g *ingestion) awaitAll(ctx context.Context) error {
	for a := range g.awaited {
		wait := g.awaitOperation
		if a.operation == "" {
			wait = g.awaitDocuments
		}
		if err := wait(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (g *ingestion) awaitOperation(ctx context.Context, a awaited) error {
	all, size := int64(len(a.items)), a.size()
	done, bytes := int64(0), int64(0) // told so far
	operation, err := g.api.WaitOperation(ctx, a.operation, func(o client.Operation) {
		if o.Counts.Total == 0 {
			return
		}
		nowDone, nowBytes := all*o.Counts.Done/o.Counts.Total, size*o.Counts.Done/o.Counts.Total
		g.result.settled(int(nowDone-done), nowBytes-bytes)
		done, bytes = nowDone, nowBytes
	})
	if err != nil {
		return err
	}
	g.result.settled(int(all-done), size-bytes)
	if operation.Status == "succeeded" {
		return nil
	}
	states, err := g.states(ctx, ids(a.items))
	if err != nil {
		return err
	}
	for _, document := range a.items {
		state, there := states[document.id]
		switch {
		case !there: // somebody has deleted it
		case state.Status == "failed":
			g.result.failed(failureOf(document, state.Error))
		case state.ContentHash == "":
			g.result.failed(failureOf(document, &client.Failure{Code: "cancelled", Detail: "operation " + a.operation + " was cancelled"}))
		}
	}
	return nil
}

// Waits between two looks at documents.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = 2 * time.Second
)

// awaitDocuments looks at documents until none of them is left to be indexed.
func (g *ingestion) awaitDocuments(ctx context.Context, a awaited) error {
	left := a.items
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		states, err := g.states(ctx, ids(left))
		if err != nil {
			return err
		}
		var again []item
		for _, document := range left {
			switch state := states[document.id]; state.Status {
			case "pending", "processing":
				again = append(again, document)
				continue
			case "failed":
				g.result.failed(failureOf(document, state.Error))
			}
			g.result.settled(1, document.size)
		}
		if left = again; len(left) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
