package search

import (
	"context"

	"github.com/google/uuid"

	"lindero/embed"
	"lindero/fault"
	"lindero/store"
)

// embeddingKey keeps tenants' query embeddings apart: not even that somebody asked the same before may show.
type embeddingKey struct {
	tenant  uuid.UUID
	profile store.Profile
	text    string
}

// queryVector embeds the query by the collection's profile.
func (r *run) queryVector(ctx context.Context, profile store.Profile) ([]float32, error) {
	key := embeddingKey{r.tenant, profile, r.q.query}
	if vector, ok := r.service.embeddings.GetIfPresent(key); ok {
		return vector, nil
	}
	embedder, err := r.service.cfg.Embedder(profile)
	if err != nil {
		return nil, err
	}
	vectors, usage, err := embedder.Embed(ctx, []string{r.q.query}, embed.Query)
	if err != nil {
		return nil, err
	}
	r.usage.EmbeddingTokens += usage.Tokens
	if len(vectors) != 1 || len(vectors[0]) != profile.Dimensions {
		return nil, fault.New(fault.Upstream, "the embedding service answered with a vector of the wrong size")
	}
	r.service.embeddings.Set(key, vectors[0])
	return vectors[0], nil
}

// vectorFor is the vector to search a collection with: the caller's own, or the query's. None, with a warning,
// when a hybrid search can go on without; an error when a semantic one cannot.
func (r *run) vectorFor(ctx context.Context, c store.Collection) ([]float32, error) {
	if r.q.vector != nil {
		if len(r.q.vector) != c.Embedding.Dimensions {
			return nil, fault.InvalidField("body.vector", nil, "has %d components; collection %s has vectors of %d",
				len(r.q.vector), c.Name, c.Embedding.Dimensions)
		}
		return r.q.vector, nil
	}
	if c.Embedding.Provider == store.ProviderExternal {
		if r.q.mode == Semantic {
			return nil, fault.InvalidField("body.vector", nil, "collection %s has vectors of your own making, so a semantic search needs a vector", c.Name)
		}
		r.warn("no_query_vector", "collection "+c.Name+" has vectors of your own making and the request has none: it was searched by words only")
		return nil, nil
	}
	vector, err := r.queryVector(ctx, c.Embedding)
	if err != nil && r.q.mode == Hybrid && ctx.Err() == nil {
		r.warn("embedding_unavailable", "the query could not be embedded: collection "+c.Name+" was searched by words only")
		return nil, nil
	}
	return vector, err
}

func (r *run) warn(code, detail string) {
	r.warnings = append(r.warnings, Warning{Code: code, Detail: detail})
}
