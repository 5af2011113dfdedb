// Package embed turns texts into vectors. Its providers are openai (any server that speaks that API),
// builtin (no key, no network) and external (the caller sends vectors).
package embed

import (
	"context"
	"errors"
	"fmt"
	"math"

	"lindero/fault"
)

// The providers of the HTTP contract.
const (
	ProviderBuiltin  = "builtin"
	ProviderOpenAI   = "openai"
	ProviderExternal = "external"
)

// MaxDimensions is the largest vector that storage takes.
const MaxDimensions = 4000

// Purpose says what a text is embedded for; some models treat questions and passages differently.
type Purpose int

// The purposes.
const (
	Passage Purpose = iota
	Query
)

// Profile names what makes a collection's vectors. Vectors of unequal profiles must not be compared.
type Profile struct {
	Provider   string `json:"provider"`
	Model      string `json:"model,omitempty"` // "" where the provider has only one
	Dimensions int    `json:"dimensions"`      // 1…4000
}

// String is the profile as a key of the embedding cache: provider/model/dimensions.
func (p Profile) String() string { return fmt.Sprintf("%s/%s/%d", p.Provider, p.Model, p.Dimensions) }

// Usage is what an embedding cost.
type Usage struct {
	Tokens    int // as counted by the provider; 0 for one that charges nothing
	Truncated int // texts that were cut because the model takes no more
}

// Add returns the sum of two usages.
func (u Usage) Add(more Usage) Usage {
	return Usage{Tokens: u.Tokens + more.Tokens, Truncated: u.Truncated + more.Truncated}
}

// Embedder makes vectors. Implementations are safe for concurrent use.
type Embedder interface {
	// Embed returns one vector for each text, in order, each of Profile().Dimensions finite numbers and of
	// unit length. Equal texts of equal purpose get equal vectors from a deterministic model. An empty text
	// is no error: it gets the vector of what the implementation documents. On an error no vector is
	// returned: fault.Unavailable is worth trying again later, fault.Upstream is not, fault.Invalid means
	// that this profile embeds nothing. A cancelled context gives its error.
	Embed(ctx context.Context, texts []string, purpose Purpose) ([][]float32, Usage, error)
	Profile() Profile
}

// Normalize scales v to unit length in place, in double precision. It refuses what has no direction: an
// empty vector, one of zeros, and one with NaN or infinite components. The vector is unchanged then.
func Normalize(v []float32) error {
	sum := 0.0
	for i, x := range v {
		f := float64(x)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("component %d of the vector is not a finite number", i)
		}
		sum += f * f
	}
	if sum == 0 {
		return errors.New("the vector has no non-zero component")
	}
	norm := math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) / norm)
	}
	return nil
}

// ErrVectorRequired is the cause of External's error: the caller must send vectors.
var ErrVectorRequired = errors.New("embed: the caller must send vectors")

// External is the embedder of collections whose caller sends the vectors. It holds the profile only.
type External struct{ dimensions int }

// NewExternal makes the embedder of a collection of caller-made vectors.
func NewExternal(dimensions int) (External, error) {
	if err := CheckDimensions(dimensions); err != nil {
		return External{}, err
	}
	return External{dimensions: dimensions}, nil
}

// CheckDimensions refuses what storage cannot hold, as a fault.Invalid.
func CheckDimensions(dimensions int) error {
	if dimensions < 1 || dimensions > MaxDimensions {
		return fault.InvalidField("embedding.dimensions", dimensions, "must be from 1 to %d", MaxDimensions)
	}
	return nil
}

// Embed always fails with fault.Invalid, caused by ErrVectorRequired.
func (External) Embed(context.Context, []string, Purpose) ([][]float32, Usage, error) {
	return nil, Usage{}, fault.Wrap(ErrVectorRequired, fault.Invalid,
		"this collection's embedding is external: send a vector with every chunk and every query")
}

// Profile implements Embedder.
func (e External) Profile() Profile {
	return Profile{Provider: ProviderExternal, Dimensions: e.dimensions}
}
