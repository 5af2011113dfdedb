package ingest

import (
	"context"
	"fmt"

	"lindero/embed"
	"lindero/fault"
	"lindero/store"
)

// embedBatch is how many passages one goroutine hands to the embedder at once.
const embedBatch = 512

// embedAll gives the prepared passages their vectors. Documents share batches; one whose batch was refused is
// tried again by itself, so that a text the model will not take fails its own document alone.
func (p *Pipeline) embedAll(ctx context.Context, embedder embed.Embedder, outcomes []Outcome) {
	groups := group(outcomes)
	p.each(len(groups), func() func(int) { return func(i int) { embedApart(ctx, embedder, groups[i]) } })
}

func embedApart(ctx context.Context, embedder embed.Embedder, outcomes []*Outcome) {
	err := embedGroup(ctx, embedder, outcomes)
	if err == nil {
		return
	}
	for _, outcome := range outcomes {
		if len(outcomes) > 1 && !outage(err) {
			outcome.Err = embedGroup(ctx, embedder, []*Outcome{outcome})
		} else {
			outcome.Err = err
		}
	}
}

// outage reports whether an error concerns the embedder rather than a text.
func outage(err error) bool {
	return fault.Is(err, fault.Unavailable) || fault.Is(err, fault.RateLimited)
}

// group collects successful outcomes into groups of about embedBatch passages.
func group(outcomes []Outcome) [][]*Outcome {
	var groups [][]*Outcome
	size := embedBatch
	for i := range outcomes {
		if outcomes[i].Err != nil {
			continue
		}
		if size >= embedBatch {
			groups, size = append(groups, nil), 0
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], &outcomes[i])
		size += len(outcomes[i].Prepared.Passages)
	}
	return groups
}

func embedGroup(ctx context.Context, embedder embed.Embedder, outcomes []*Outcome) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.Wrap(fmt.Errorf("panic: %v", cause), fault.Internal, "the document could not be embedded")
		}
	}()
	var texts []string
	for _, outcome := range outcomes {
		for _, passage := range outcome.Prepared.Passages {
			texts = append(texts, store.IndexedText(outcome.Prepared.Title, passage.Context, passage.Text))
		}
	}
	vectors, _, err := embedder.Embed(ctx, texts, embed.Passage)
	if err != nil {
		if ctx.Err() != nil {
			return fault.Wrap(err, fault.Unavailable, "the work was interrupted")
		}
		return err
	}
	for _, outcome := range outcomes {
		for i := range outcome.Prepared.Passages {
			outcome.Prepared.Passages[i].Vector, vectors = vectors[0], vectors[1:]
		}
	}
	return nil
}
