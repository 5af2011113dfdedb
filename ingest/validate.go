// Package ingest makes documents searchable: it checks what callers send, and turns accepted documents into
// analysed and embedded passages. It knows no database; ingest/jobs runs it on the queue.
package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"lindero/fault"
	"lindero/store"
)

// Bounds of what a caller may send as one document.
const (
	MaxIDRunes       = 512
	MaxTitleBytes    = 4 << 10
	MaxURLBytes      = 8 << 10
	MaxMetadataBytes = 40 << 10
	MaxFieldBytes    = 200 // of a metadata key
	MaxArrayStrings  = 1000
	MaxParts         = 10_000
	MaxPartBytes     = 1 << 20
)

// Validate refuses a document that collection c cannot take, with a *fault.Error that names the place in the
// body. It is pure and does not change d.
func Validate(c store.Collection, d store.NewDocument) error {
	if err := ValidateID("id", d.ID); err != nil {
		return err
	}
	p := d.Payload
	checks := []func() error{
		func() error { return shortText("body.title", p.Title, MaxTitleBytes) },
		func() error { return shortText("body.url", p.URL, MaxURLBytes) },
		func() error { return validateLanguage(p.Language) },
		func() error { return ValidateMetadata("body.metadata", p.Metadata) },
		func() error { return validateContent(c, p) },
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// ValidatePatch refuses a patch that a document cannot take.
func ValidatePatch(p store.Patch) error {
	if p.Title == nil && p.URL == nil && p.Metadata == nil {
		return fault.New(fault.Invalid, "nothing to change: give title, url or metadata")
	}
	if p.Title != nil {
		if err := shortText("body.title", *p.Title, MaxTitleBytes); err != nil {
			return err
		}
	}
	if p.URL != nil {
		if err := shortText("body.url", *p.URL, MaxURLBytes); err != nil {
			return err
		}
	}
	return ValidateMetadata("body.metadata", p.Metadata)
}

// ValidateID refuses an id that is empty, too long, not UTF-8 or has control characters.
func ValidateID(location, id string) error {
	switch {
	case !utf8.ValidString(id):
		return fault.InvalidField(location, nil, "is not valid UTF-8")
	case id == "" || utf8.RuneCountInString(id) > MaxIDRunes:
		return fault.InvalidField(location, nil, "must be 1 to %d characters long", MaxIDRunes)
	case strings.ContainsFunc(id, unicode.IsControl):
		return fault.InvalidField(location, nil, "must not contain control characters")
	}
	return nil
}

// shortText refuses what PostgreSQL cannot hold, and what is no title or URL any more.
func shortText(location, s string, limit int) error {
	switch {
	case !utf8.ValidString(s):
		return fault.InvalidField(location, nil, "is not valid UTF-8")
	case strings.ContainsRune(s, 0):
		return fault.InvalidField(location, nil, "must not contain the character U+0000")
	case len(s) > limit:
		return fault.InvalidField(location, nil, "is longer than %d bytes", limit)
	}
	return nil
}

func validateLanguage(language string) error {
	if len(language) > 35 || strings.ContainsFunc(language, func(r rune) bool {
		return r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	}) {
		return fault.InvalidField("body.language", nil, "must be a language tag such as en or es-MX")
	}
	return nil
}

// ValidateMetadata refuses anything but a flat object of string, number, boolean and arrays of strings.
// Empty is fine.
func ValidateMetadata(location string, raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	if len(raw) > MaxMetadataBytes {
		return fault.InvalidField(location, nil, "is larger than %d bytes", MaxMetadataBytes)
	}
	var object map[string]any
	var outOfRange *json.UnmarshalTypeError
	if err := json.Unmarshal(raw, &object); errors.As(err, &outOfRange) && strings.HasPrefix(outOfRange.Value, "number") {
		return fault.InvalidField(location, nil, "has a number that is out of range: %s", strings.TrimPrefix(outOfRange.Value, "number "))
	} else if err != nil || object == nil {
		return fault.InvalidField(location, nil, "must be a JSON object")
	}
	for field, value := range object {
		if err := validateField(location, field, value); err != nil {
			return err
		}
	}
	return nil
}

func validateField(location, field string, value any) error {
	switch {
	case field == "" || strings.HasPrefix(field, "$"):
		return fault.InvalidField(location, field, "has a field name that is empty or begins with $")
	case shortText(location, field, MaxFieldBytes) != nil:
		return fault.InvalidField(location, nil, "has a field name that is not text of at most %d bytes", MaxFieldBytes)
	}
	place := location + "." + field
	switch v := value.(type) {
	case string:
		return shortText(place, v, MaxMetadataBytes)
	case float64, bool:
		return nil
	case []any:
		return validateStrings(place, v)
	}
	return fault.InvalidField(place, nil, "must be a string, a number, a boolean or an array of strings")
}

func validateStrings(place string, values []any) error {
	if len(values) > MaxArrayStrings {
		return fault.InvalidField(place, nil, "has more than %d elements", MaxArrayStrings)
	}
	for _, value := range values {
		s, ok := value.(string)
		if !ok {
			return fault.InvalidField(place, nil, "must be an array of strings only")
		}
		if err := shortText(place, s, MaxMetadataBytes); err != nil {
			return err
		}
	}
	return nil
}

func validateContent(c store.Collection, p store.Payload) error {
	external := c.Embedding.Provider == store.ProviderExternal
	switch {
	case len(p.Parts) == 0 && external:
		return fault.InvalidField("body.chunks", nil, "are required with their vectors: the collection's embedding is external")
	case len(p.Parts) == 0 && len(p.Body) == 0 && strings.TrimSpace(p.Title) == "":
		return fault.InvalidField("body.text", nil, "must not be empty when the title is")
	case len(p.Parts) > MaxParts:
		return fault.InvalidField("body.chunks", len(p.Parts), "are more than %d", MaxParts)
	}
	for i, part := range p.Parts {
		if err := validatePart(fmt.Sprintf("body.chunks[%d]", i), c, p, part); err != nil {
			return err
		}
	}
	return nil
}

func validatePart(location string, c store.Collection, p store.Payload, part store.Part) error {
	if err := shortText(location+".text", part.Text, MaxPartBytes); err != nil {
		return err
	}
	if strings.TrimSpace(part.Text) == "" && strings.TrimSpace(p.Title) == "" {
		return fault.InvalidField(location+".text", nil, "must not be empty when the title is")
	}
	if err := ValidateMetadata(location+".metadata", part.Metadata); err != nil {
		return err
	}
	if c.Embedding.Provider != store.ProviderExternal {
		if part.Vector != nil {
			return fault.InvalidField(location+".vector", nil, "is only taken when the collection's embedding is external")
		}
		return nil
	}
	return ValidateVector(location+".vector", part.Vector, c.Embedding.Dimensions)
}

// ValidateVector refuses a vector of other dimensions, with numbers that are not finite, or of zeros only.
func ValidateVector(location string, vector []float32, dimensions int) error {
	if len(vector) != dimensions {
		return fault.InvalidField(location, len(vector), "must have %d dimensions", dimensions)
	}
	zero := true
	for i, x := range vector {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return fault.InvalidField(location, nil, "has a number at %d that is not finite", i)
		}
		zero = zero && x == 0
	}
	if zero {
		return fault.InvalidField(location, nil, "must not be all zeros: it has no direction")
	}
	return nil
}
