// Package openai embeds texts through any server that speaks OpenAI's embeddings API: OpenAI itself,
// Ollama, vLLM, TEI, llama.cpp and others.
package openai

import (
	"context"
	"net/http"

	sdk "github.com/sashabaranov/go-openai"

	"lindero/embed"
)

// Embedder is an embed.Embedder on one server and model.
type Embedder struct {
	config Config
	client *sdk.Client
}

// New makes an embedder without calling the server. A bad configuration is a fault.Invalid.
func New(config Config) (*Embedder, error) {
	config, err := config.validated()
	if err != nil {
		return nil, err
	}
	settings := sdk.DefaultConfig(config.APIKey)
	settings.BaseURL = config.BaseURL
	settings.HTTPClient = &http.Client{Transport: newTransport(config)}
	return &Embedder{config: config, client: sdk.NewClientWithConfig(settings)}, nil
}

// Profile implements embed.Embedder.
func (e *Embedder) Profile() embed.Profile {
	return embed.Profile{Provider: embed.ProviderOpenAI, Model: e.config.Model, Dimensions: e.config.Dimensions}
}

// Embed implements embed.Embedder, in as many requests as the bounds ask, one after the other. Queries and
// passages are treated alike. A text without a visible character gets the vector of ".". A usage that comes
// with an error is what had been spent by then.
func (e *Embedder) Embed(ctx context.Context, texts []string, _ embed.Purpose) ([][]float32, embed.Usage, error) {
	usage := embed.Usage{}
	inputs := make([]input, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, usage, err
		}
		in, err := fit(text, e.config.MaxInputTokens)
		if err != nil {
			return nil, usage, err
		}
		if in.cut {
			usage.Truncated++
		}
		inputs[i] = in
	}
	vectors := make([][]float32, 0, len(texts))
	for _, batch := range batches(inputs, e.config.BatchInputs, e.config.BatchTokens) {
		more, tokens, err := e.request(ctx, batch)
		usage.Tokens += tokens
		if err != nil {
			return nil, usage, err
		}
		vectors = append(vectors, more...)
	}
	return vectors, usage, nil
}

// request embeds one batch and checks what comes back.
func (e *Embedder) request(ctx context.Context, batch []input) ([][]float32, int, error) {
	body := sdk.EmbeddingRequestStrings{Model: sdk.EmbeddingModel(e.config.Model), Input: make([]string, len(batch))}
	for i, in := range batch {
		body.Input[i] = in.text
	}
	if e.config.SendDimensions {
		body.Dimensions = e.config.Dimensions
	}
	last := &call{}
	answer, err := e.client.CreateEmbeddings(context.WithValue(ctx, callKey{}, last), body)
	if err != nil {
		return nil, 0, translate(ctx, err, last)
	}
	vectors, err := e.check(answer.Data, len(batch), last)
	return vectors, answer.Usage.TotalTokens, err
}

// check puts the vectors into the order of the texts and normalises them, and refuses any that is missing,
// doubled, of another dimension or without direction.
func (e *Embedder) check(data []sdk.Embedding, want int, last *call) ([][]float32, error) {
	if last.nulls {
		return nil, wrongAnswer("a vector with null in it")
	}
	if len(data) != want {
		return nil, wrongAnswer("%d vectors for %d texts", len(data), want)
	}
	vectors := make([][]float32, want)
	for _, d := range data {
		if d.Index < 0 || d.Index >= want || vectors[d.Index] != nil {
			return nil, wrongAnswer("index %d twice or out of range", d.Index)
		}
		if len(d.Embedding) != e.config.Dimensions {
			return nil, wrongAnswer("a vector of %d dimensions instead of %d", len(d.Embedding), e.config.Dimensions)
		}
		if err := embed.Normalize(d.Embedding); err != nil {
			return nil, wrongAnswer("%v", err)
		}
		vectors[d.Index] = d.Embedding
	}
	return vectors, nil
}
