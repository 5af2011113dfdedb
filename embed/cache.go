package embed

import (
	"context"
	"crypto/sha256"
	"fmt"
)

// Cache keeps one tenant's vectors by the hash of their text. An implementation is bound to a tenant:
// nothing in a key names one.
type Cache interface {
	// Get returns the vectors it has; hashes without one are simply missing.
	Get(ctx context.Context, profile Profile, hashes [][32]byte) (map[[32]byte][]float32, error)
	// Put keeps vectors. Putting again what is there already is no error.
	Put(ctx context.Context, profile Profile, vectors map[[32]byte][]float32) error
}

// Hash is the key of a text in a cache: the SHA-256 of a passage's text, and for a query of the text
// after a mark that keeps it apart from the passage of the same words.
func Hash(text string, purpose Purpose) [32]byte {
	if purpose == Query {
		return sha256.Sum256([]byte("\x00query\x00" + text))
	}
	return sha256.Sum256([]byte(text))
}

// Cached returns an embedder that asks cache before inner and embeds each missing text once, however
// often a batch repeats it. Usage counts what inner did. A failing cache fails the call: without it every
// retry would be paid for again.
//
// Profiles that a cache cannot serve come back as they are: external, where the text does not determine
// the vector, and builtin, which is faster than any cache.
func Cached(inner Embedder, cache Cache) Embedder {
	switch inner.Profile().Provider {
	case ProviderExternal, ProviderBuiltin:
		return inner
	}
	return &cached{inner: inner, cache: cache}
}

type cached struct {
	inner Embedder
	cache Cache
}

func (c *cached) Profile() Profile { return c.inner.Profile() }

func (c *cached) Embed(ctx context.Context, texts []string, purpose Purpose) ([][]float32, Usage, error) {
	if len(texts) == 0 {
		return nil, Usage{}, nil
	}
	hashes, distinct := hashAll(texts, purpose)
	known, err := c.cache.Get(ctx, c.Profile(), distinct)
	if err != nil {
		return nil, Usage{}, fmt.Errorf("reading the embedding cache: %w", err)
	}
	found := make(map[[32]byte][]float32, len(distinct))
	for _, hash := range distinct {
		if v := known[hash]; len(v) == c.Profile().Dimensions {
			found[hash] = v
		}
	}
	usage, err := c.fill(ctx, found, texts, hashes, purpose)
	if err != nil {
		return nil, usage, err
	}
	vectors := make([][]float32, len(texts))
	for i, hash := range hashes {
		vectors[i] = found[hash]
	}
	return vectors, usage, nil
}

// fill embeds the texts whose hash is not in found, adds them there and to the cache.
func (c *cached) fill(ctx context.Context, found map[[32]byte][]float32, texts []string, hashes [][32]byte, purpose Purpose) (Usage, error) {
	var missing []string
	var keys [][32]byte
	wanted := map[[32]byte]bool{}
	for i, hash := range hashes {
		if found[hash] == nil && !wanted[hash] {
			wanted[hash] = true
			missing, keys = append(missing, texts[i]), append(keys, hash)
		}
	}
	if len(missing) == 0 {
		return Usage{}, nil
	}
	vectors, usage, err := c.inner.Embed(ctx, missing, purpose)
	if err != nil {
		return usage, err
	}
	fresh := make(map[[32]byte][]float32, len(keys))
	for i, key := range keys {
		found[key], fresh[key] = vectors[i], vectors[i]
	}
	if err := c.cache.Put(ctx, c.Profile(), fresh); err != nil {
		return usage, fmt.Errorf("writing the embedding cache: %w", err)
	}
	return usage, nil
}

// hashAll returns each text's hash, and each hash once in order of first appearance.
func hashAll(texts []string, purpose Purpose) (hashes, distinct [][32]byte) {
	seen := make(map[[32]byte]struct{}, len(texts))
	hashes = make([][32]byte, len(texts))
	for i, text := range texts {
		hash := Hash(text, purpose)
		hashes[i] = hash
		if _, again := seen[hash]; !again {
			seen[hash] = struct{}{}
			distinct = append(distinct, hash)
		}
	}
	return hashes, distinct
}
