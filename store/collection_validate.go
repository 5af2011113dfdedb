package store

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"lindero/fault"
)

const (
	maxDescriptionBytes = 4096
	maxModelBytes       = 200
	maxCollectionMeta   = 40 << 10
)

// WithDefaults fills in what the caller left out, but for the embedding, which is the deployment's to decide.
func (s CollectionSpec) WithDefaults() CollectionSpec {
	if s.Language == "" {
		s.Language = LanguageAuto
	}
	if len(s.Metadata) == 0 || bytes.Equal(bytes.TrimSpace(s.Metadata), []byte("null")) {
		s.Metadata = json.RawMessage(`{}`)
	}
	return s
}

// Validate refuses a spec that breaks a rule, as a fault.Invalid with the field's location. Chunking is
// checked by package chunk, which knows its strategies; an embedding may be left out entirely.
func (s CollectionSpec) Validate() error {
	if err := ValidateCollectionName("path.name", s.Name); err != nil {
		return err
	}
	if err := validateText("body.description", s.Description, maxDescriptionBytes); err != nil {
		return err
	}
	if s.Language != LanguageAuto && !isLanguage(s.Language) {
		return fault.InvalidField("body.language", shorten(s.Language), "must be auto or an ISO 639-1 code such as en or es")
	}
	if err := validateObject("body.metadata", s.Metadata); err != nil {
		return err
	}
	if s.Embedding == (Profile{}) {
		return nil
	}
	return validateProfile(s.Embedding)
}

// validateProfile allows dimensions of 0 for the providers that know their own.
func validateProfile(p Profile) error {
	if !slices.Contains([]string{ProviderBuiltin, ProviderOpenAI, ProviderExternal}, p.Provider) {
		return fault.InvalidField("body.embedding.provider", shorten(p.Provider), "must be builtin, openai or external")
	}
	if err := validateText("body.embedding.model", p.Model, maxModelBytes); err != nil {
		return err
	}
	if p.Provider == ProviderExternal && p.Dimensions == 0 {
		return fault.InvalidField("body.embedding.dimensions", nil, "is required for external embeddings")
	}
	if p.Dimensions < 0 || p.Dimensions > MaxDimensions {
		return fault.InvalidField("body.embedding.dimensions", p.Dimensions, "must be from 1 to %d", MaxDimensions)
	}
	return nil
}

func validateText(location, text string, limit int) error {
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return fault.InvalidField(location, nil, "must be UTF-8 text without the character U+0000")
	case len(text) > limit:
		return fault.InvalidField(location, nil, "must have at most %d bytes", limit)
	}
	return nil
}

func validateObject(location string, raw json.RawMessage) error {
	var object map[string]json.RawMessage
	switch {
	case len(raw) > maxCollectionMeta:
		return fault.InvalidField(location, nil, "must have at most %d bytes", maxCollectionMeta)
	case !utf8.Valid(raw) || bytes.Contains(raw, []byte(`\u0000`)):
		return fault.InvalidField(location, nil, "must be UTF-8 text without the character U+0000")
	case json.Unmarshal(raw, &object) != nil || object == nil:
		return fault.InvalidField(location, nil, "must be a JSON object")
	}
	return nil
}

// shorten keeps an error's body small whatever was sent.
func shorten(value string) string {
	if len(value) <= 100 {
		return value
	}
	return strings.ToValidUTF8(value[:100], "") + "…"
}
