package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"

	"lindero/client"
)

// send compares documents with what the server has, and sends those that are new or changed.
func (g *ingestion) send(ctx context.Context, items []item) error {
	states, err := g.states(ctx, ids(items))
	if err != nil {
		return err
	}
	var changed, unsettled []item
	for _, document := range items {
		state, there := states[document.id]
		switch {
		case !there:
			changed = append(changed, document)
			g.result.would(actionUpload, document.id, "new")
		case state.ContentHash != document.hash:
			changed = append(changed, document)
			g.result.would(actionUpload, document.id, "changed")
		case state.Status == "failed" && lasting(state.Error) && !g.command.RetryFailed:
			g.result.failed(failureOf(document, state.Error))
			g.result.settled(1, document.size)
		case state.Status == "failed":
			changed = append(changed, document)
			g.result.would(actionUpload, document.id, "failed before")
		case state.Status == "indexed":
			g.result.unchanged()
			g.result.settled(1, document.size)
		default:
			g.result.unchanged()
			unsettled = append(unsettled, document)
		}
	}
	if g.command.DryRun {
		return nil
	}
	if err := g.await(ctx, "", unsettled); err != nil {
		return err
	}
	return g.upload(ctx, changed)
}

// states are what the server has under ids.
func (g *ingestion) states(ctx context.Context, ids []string) (map[string]client.DocumentState, error) {
	states := make(map[string]client.DocumentState, len(ids))
	for some := range slices.Chunk(ids, client.MaxLookup) {
		found, err := g.api.LookupDocuments(ctx, g.command.Collection, some)
		if err != nil {
			return nil, err
		}
		for _, state := range found {
			states[state.ID] = state
		}
	}
	return states, nil
}

func ids(items []item) []string {
	out := make([]string, len(items))
	for i := range items {
		out[i] = items[i].id
	}
	return out
}

// lasting reports whether a document failed for a reason that lies in the file: as long as that is the same, the
// server would only find out again.
func lasting(e *client.Failure) bool {
	return e != nil && slices.Contains([]string{"encrypted", "no_text", "damaged", "too_large", "unsupported_media_type"}, e.Code)
}

// upload sends lines together and each large file by itself.
func (g *ingestion) upload(ctx context.Context, items []item) error {
	var lines []item
	for _, document := range items {
		if document.content == nil {
			lines = append(lines, document)
			continue
		}
		if err := g.uploadFile(ctx, document); err != nil {
			return err
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return g.uploadLines(ctx, lines)
}

func (g *ingestion) uploadFile(ctx context.Context, document item) error {
	put, err := g.api.PutFile(ctx, g.command.Collection, document.id, document.contentType, document.content, client.NewDocument{}, client.PutOptions{})
	if err != nil {
		return g.refused(err, []item{document})
	}
	if put.Operation == nil { // another run was faster
		g.result.unchanged()
		g.result.settled(1, document.size)
		return nil
	}
	g.result.uploaded(1)
	return g.await(ctx, put.Operation.ID, []item{document})
}

func (g *ingestion) uploadLines(ctx context.Context, items []item) error {
	var body bytes.Buffer
	for _, document := range items {
		body.Write(bytes.TrimRight(document.line, "\r\n"))
		body.WriteByte('\n')
	}
	bulk, err := g.api.PutLines(ctx, g.command.Collection, body.Bytes())
	if err != nil {
		return g.refused(err, items)
	}
	rejected := map[int]bool{}
	var again []item
	for _, place := range bulk.TurnedAway() {
		rejected[place] = true
		again = append(again, items[place])
	}
	for _, r := range bulk.Rejected {
		if rejected[r.Index] {
			continue
		}
		rejected[r.Index] = true
		document := items[r.Index]
		g.result.failed(failureOf(document, &client.Failure{Code: r.Code, Detail: r.Detail}))
		g.result.settled(1, document.size)
	}
	accepted := make([]item, 0, len(items))
	for i, document := range items {
		if !rejected[i] {
			accepted = append(accepted, document)
		}
	}
	g.result.uploaded(len(accepted))
	if err := g.await(ctx, bulk.Operation.ID, accepted); err != nil || len(again) == 0 {
		return err
	}
	return g.uploadLines(ctx, again) // the queue was full: where it still is, the client waits as long as it is told to
}

// refused is for a request that was refused as a whole. What concerns the ingestion ends it; anything else fails the
// documents of this request, and the rest goes on.
func (g *ingestion) refused(err error, items []item) error {
	var problem *client.Error
	if !errors.As(err, &problem) {
		return err
	}
	switch problem.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return err
	}
	for _, document := range items {
		g.result.failed(failureOf(document, &client.Failure{Code: problem.Code, Detail: problem.Error()}))
		g.result.settled(1, document.size)
	}
	return nil
}
