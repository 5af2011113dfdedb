// Package builtin is the embedder that needs no key, no network and no model: signed feature hashing of
// words and of the character n-grams within them. It is honest about being lexical: it adds tolerance to
// misspelling and inflection, not meaning.
package builtin

import (
	"context"

	"lindero/embed"
)

// Model names the way features are made; vectors of another one cannot be compared with these.
const Model = "hash-1"

// DefaultDimensions was chosen by measurement; see docs/decisions/0002.
const DefaultDimensions = 768

// Embedder makes vectors of a fixed number of dimensions.
type Embedder struct{ dimensions int }

// New makes an embedder; dimensions 0 means DefaultDimensions. The error is a fault.Invalid.
func New(dimensions int) (*Embedder, error) {
	if dimensions == 0 {
		dimensions = DefaultDimensions
	}
	if err := embed.CheckDimensions(dimensions); err != nil {
		return nil, err
	}
	return &Embedder{dimensions: dimensions}, nil
}

// Profile implements embed.Embedder.
func (e *Embedder) Profile() embed.Profile {
	return embed.Profile{Provider: embed.ProviderBuiltin, Model: Model, Dimensions: e.dimensions}
}

// Embed implements embed.Embedder. It fails only when ctx is done. Queries and passages are treated
// alike. A text without any word gets the vector whose components are all equal.
func (e *Embedder) Embed(ctx context.Context, texts []string, _ embed.Purpose) ([][]float32, embed.Usage, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, embed.Usage{}, err
		}
		vectors[i] = e.vector(text)
	}
	return vectors, embed.Usage{}, nil
}
