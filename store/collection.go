// Package store holds the nouns that storage keeps and the rest of Lindero works with. It knows no database:
// store/postgres implements, search and ingest declare the small interfaces they need over these types.
package store

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/google/uuid"

	"lindero/embed"
	"lindero/fault"
)

// Providers of embeddings.
const (
	ProviderBuiltin  = embed.ProviderBuiltin  // computed in the process, no key, no network
	ProviderOpenAI   = embed.ProviderOpenAI   // any OpenAI-compatible server
	ProviderExternal = embed.ProviderExternal // the caller sends vectors
)

// LanguageAuto lets each document's own language decide how it is analysed.
const LanguageAuto = "auto"

// MaxDimensions is what a halfvec holds in one page.
const MaxDimensions = embed.MaxDimensions

// Profile is a collection's embedding profile.
type Profile = embed.Profile

// Chunking says how a collection's documents become chunks.
type Chunking struct {
	Strategy      string `json:"strategy"` // structure, fixed or none
	MaxTokens     int    `json:"max_tokens,omitempty"`
	OverlapTokens int    `json:"overlap_tokens,omitempty"`
}

// CollectionSpec is what a caller may say of a collection.
type CollectionSpec struct {
	Name        string
	Description string
	Language    string
	Embedding   Profile
	Chunking    Chunking
	Metadata    json.RawMessage // JSON object
}

// Collection is a tenant's named index.
type Collection struct {
	CollectionSpec
	ID        uuid.UUID // never leaves the process
	Slot      int       // where its vectors lie
	Backend   string    // which serves its vector searches: Pgvector or Pinecone
	Chunks    int64     // about how many, as counted when its placement was last looked at; 0 while it is small
	EfSearch  int       // how wide its approximate index is searched, as measured; 0: not yet, and by size
	Version   int64     // grows with every change of what is above
	Languages []string  // languages its documents were analysed in, sorted; empty before the first document
	CreatedAt time.Time
	UpdatedAt time.Time
}

// FirstOwnSlot is the first slot that holds one collection alone and has an approximate index.
const FirstOwnSlot = 1000

// Indexed reports whether an approximate index serves the collection.
func (c Collection) Indexed() bool { return c.Slot >= FirstOwnSlot }

// CollectionStats counts what a collection holds.
type CollectionStats struct {
	Documents int64
	Chunks    int64
	Bytes     int64
}

var collectionName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// ValidateCollectionName refuses a name that breaks the contract's pattern.
func ValidateCollectionName(location, name string) error {
	if !collectionName.MatchString(name) {
		return fault.InvalidField(location, name, "must be 1 to 63 characters of a-z, 0-9, _ and -, starting with a letter or digit")
	}
	return nil
}
