package openai

import (
	"net/http"
	"net/url"
	"time"

	"lindero/embed"
	"lindero/fault"
)

// Config says which server embeds and within which bounds. Only Model and Dimensions have no default.
type Config struct {
	// BaseURL of the API, with its version: https://api.openai.com/v1 by default.
	BaseURL string
	// APIKey is sent as bearer token; local servers need none.
	APIKey string
	// Model as the server names it.
	Model string
	// Dimensions that every vector must have, 1…4000.
	Dimensions int
	// SendDimensions asks the server to shorten its vectors to Dimensions; models other than
	// text-embedding-3 and later refuse the parameter.
	SendDimensions bool
	// MaxInputTokens is what the model takes of one text, by the cl100k vocabulary; longer texts are cut
	// and counted in Usage.Truncated. 8191 by default.
	MaxInputTokens int
	// BatchInputs and BatchTokens bound one request: 256 and 250,000 by default.
	BatchInputs, BatchTokens int
	// Timeout of one attempt, 60 s by default.
	Timeout time.Duration
	// Retries after a failed attempt, with growing, jittered delays or what Retry-After asks: 3 by default,
	// none when negative.
	Retries int
	// MaxRetryAfter is the longest that a Retry-After is waited for within the call, 30 s by default; a
	// longer one ends the call with fault.Unavailable carrying it.
	MaxRetryAfter time.Duration
	// Transport carries the requests, http.DefaultTransport by default.
	Transport http.RoundTripper
}

// validated returns the configuration with defaults filled in, or a fault.Invalid.
func (c Config) validated() (Config, error) {
	if c.Model == "" {
		return c, fault.InvalidField("embedding.model", nil, "name the model that the server is to embed with")
	}
	if err := embed.CheckDimensions(c.Dimensions); err != nil {
		return c, err
	}
	setDefault(&c.BaseURL, "https://api.openai.com/v1")
	base, err := url.Parse(c.BaseURL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return c, fault.New(fault.Invalid, "the base URL of the embedding server must be an absolute http or https URL")
	}
	setDefault(&c.MaxInputTokens, 8191)
	setDefault(&c.BatchInputs, 256)
	setDefault(&c.BatchTokens, 250_000)
	setDefault(&c.Timeout, time.Minute)
	setDefault(&c.Retries, 3)
	setDefault(&c.MaxRetryAfter, 30*time.Second)
	if c.MaxInputTokens < 0 || c.BatchInputs < 0 || c.BatchTokens < 0 || c.Timeout < 0 {
		return c, fault.New(fault.Invalid, "the bounds of the embedding server's requests must be positive")
	}
	c.Retries = max(c.Retries, 0)
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
