package fusion

import "lindero/embed"

// Weights say how much each leg of a hybrid search counts.
type Weights struct{ Lexical, Vector float64 }

// The weight of the builtin vectors: almost none while the collection knows every term of the query, where
// BM25 does better, and growing with the share of unknown terms, which are mostly misspelt ones.
// Measured: docs/decisions/0002.
const (
	builtinBase  = 0.01
	builtinSlope = 4.0
	// builtinTolerated is the share of unknown terms that correctly spelt queries have as well.
	builtinTolerated = 0.35
)

// WeightsFor returns the weights for vectors of an embedding provider and a query of whose terms the share
// known (0…1, bm25.Result.Known) occurs in the collection. Vectors that carry meaning count as much as
// words do.
func WeightsFor(provider string, known float64) Weights {
	if provider != embed.ProviderBuiltin {
		return Weights{Lexical: 1, Vector: 1}
	}
	unknown := min(max(1-known, 0), 1)
	return Weights{Lexical: 1, Vector: builtinBase + builtinSlope*max(unknown-builtinTolerated, 0)}
}
