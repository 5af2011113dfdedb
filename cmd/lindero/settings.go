package main

import (
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"lindero/embed"
	"lindero/embed/builtin"
	"lindero/embed/openai"
	"lindero/fault"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/webhook"
)

// logSettings say how to log.
type logSettings struct {
	LogLevel slog.Level `env:"LINDERO_LOG_LEVEL" default:"info" help:"debug, info, warn or error (${env})."`
}

// logger writes lines for people on a terminal and JSON elsewhere.
func (l logSettings) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.LogLevel}
	if isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// searchSettings say which searches are logged and what is kept in memory between them.
type searchSettings struct {
	SlowSearch     time.Duration `env:"LINDERO_SLOW_SEARCH" default:"250ms" help:"Log searches that take longer, with their explanation; 0 for none (${env})."`
	Searches       int           `env:"LINDERO_SEARCHES" default:"-1" help:"Searches at once, shared out between tenants; 0 for as many as come, -1 for two for each processor of this machine and at least four, which suits a database on it (${env})."`
	SlowSearchText bool          `env:"LINDERO_SLOW_SEARCH_TEXT" help:"Log the words of slow searches too; they are the tenants' (${env})."`
	LexicalCache   uint16        `env:"LINDERO_LEXICAL_CACHE" default:"64" help:"MiB of lexical postings to keep in memory between searches; 0 for none (${env})."`
}

// atOnce is how many searches run at once.
func (s searchSettings) atOnce() int {
	if s.Searches < 0 {
		return max(4, 2*runtime.NumCPU())
	}
	return s.Searches
}

// lexicalCache is in bytes, as the store takes it.
func (s searchSettings) lexicalCache() int {
	if s.LexicalCache == 0 {
		return -1
	}
	return int(s.LexicalCache) << 20
}

// placementSettings say which collections get an index of their own.
type placementSettings struct {
	PromoteChunks int64 `env:"LINDERO_PROMOTE_CHUNKS" default:"1500" help:"From this size on a collection gets a partition of its own with an index; half of it takes it back (${env})."`
	MaxSlots      int   `env:"LINDERO_MAX_SLOTS" default:"300" help:"How many collections may have one (${env})."`
	IndexMemory   int64 `env:"LINDERO_INDEX_MEMORY" default:"1024" help:"MiB that building one index may take in the database (${env})."`
}

func (p placementSettings) policy() (postgres.PlacementPolicy, error) {
	if p.PromoteChunks < 100 || p.MaxSlots < 1 || p.MaxSlots > 10_000 || p.IndexMemory < 64 || p.IndexMemory > 1<<20 {
		return postgres.PlacementPolicy{}, usageError{"LINDERO_PROMOTE_CHUNKS must be at least 100, LINDERO_MAX_SLOTS from 1 to 10000 and LINDERO_INDEX_MEMORY from 64 to 1048576"}
	}
	return postgres.PlacementPolicy{PromoteAt: p.PromoteChunks, MaxSlots: p.MaxSlots, IndexMemory: p.IndexMemory << 10}, nil
}

// embeddingSettings say what embeds where a collection's caller did not choose.
type embeddingSettings struct {
	Embedder      string `env:"LINDERO_EMBEDDER" default:"builtin" enum:"builtin,openai" help:"What embeds by default: builtin or openai (${env})."`
	OpenAIKey     string `name:"openai-key" env:"OPENAI_API_KEY" help:"Key of the OpenAI-compatible server (${env})."`
	OpenAIURL     string `name:"openai-url" env:"OPENAI_BASE_URL" help:"Its base URL (${env}); OpenAI's own when left out."`
	Model         string `name:"embedding-model" env:"LINDERO_EMBEDDING_MODEL" default:"text-embedding-3-small" help:"Its embedding model (${env})."`
	ModelSize     int    `name:"embedding-dimensions" env:"LINDERO_EMBEDDING_DIMENSIONS" default:"1536" help:"Dimensions of that model's vectors (${env})."`
	EmbeddingSize int    `name:"embedding-batch" env:"LINDERO_EMBEDDING_BATCH" help:"Texts in one request to it (${env}); local servers take fewer."`
}

// defaultProfile is what a collection gets whose caller names no embedding.
func (e embeddingSettings) defaultProfile() store.Profile {
	if e.Embedder == store.ProviderOpenAI {
		return store.Profile{Provider: store.ProviderOpenAI, Model: e.Model, Dimensions: e.ModelSize}
	}
	return store.Profile{Provider: store.ProviderBuiltin, Model: builtin.Model, Dimensions: builtin.DefaultDimensions}
}

// hasOpenAI reports whether there is a server to ask.
func (e embeddingSettings) hasOpenAI() bool { return e.OpenAIKey != "" || e.OpenAIURL != "" }

// check refuses settings that would fail at the first document.
func (e embeddingSettings) check() error {
	if e.Embedder == store.ProviderOpenAI && !e.hasOpenAI() {
		return errors.New("LINDERO_EMBEDDER is openai, but neither OPENAI_API_KEY nor OPENAI_BASE_URL is set")
	}
	return nil
}

// embedder makes the embedder of a profile.
func (e embeddingSettings) embedder(p store.Profile) (embed.Embedder, error) {
	switch p.Provider {
	case store.ProviderBuiltin:
		return builtin.New(p.Dimensions)
	case store.ProviderOpenAI:
		if !e.hasOpenAI() {
			return nil, fault.New(fault.Invalid, "this deployment has no OpenAI-compatible server; use a collection with the builtin embedder or your own vectors")
		}
		return openai.New(openai.Config{
			BaseURL: e.OpenAIURL, APIKey: e.OpenAIKey, Model: p.Model, Dimensions: p.Dimensions,
			SendDimensions: strings.HasPrefix(p.Model, "text-embedding-3"), BatchInputs: e.EmbeddingSize,
		})
	}
	return embed.NewExternal(p.Dimensions)
}

// webhookSettings say where webhook deliveries may go besides public addresses.
type webhookSettings struct {
	WebhookAllow []netip.Prefix `env:"LINDERO_WEBHOOK_ALLOW" placeholder:"CIDR" help:"Networks, separated by commas, that webhooks may lie in although they are not public, such as 10.1.0.0/16 (${env})."`
}

func (w webhookSettings) policy() webhook.Policy { return webhook.Policy{Allow: w.WebhookAllow} }

// writePrivate writes a file that only its owner can read.
func writePrivate(path, content string) error {
	return os.WriteFile(path, []byte(content+"\n"), 0o600)
}
