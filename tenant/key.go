package tenant

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lindero/fault"
)

// maxNameRunes bounds the names of tenants and keys.
const maxNameRunes = 200

// KeySpec is what a caller says of a new key.
type KeySpec struct {
	Name      string
	Role      Role
	ExpiresAt *time.Time // nil: never
}

// Validate refuses a spec that breaks a rule; now is when the key would be made.
func (s KeySpec) Validate(now time.Time) error {
	if err := ValidateName("body.name", s.Name); err != nil {
		return err
	}
	if !s.Role.Valid() {
		return fault.InvalidField("body.role", string(s.Role), "must be reader, writer or admin")
	}
	if s.ExpiresAt != nil && !s.ExpiresAt.After(now) {
		return fault.InvalidField("body.expires_at", s.ExpiresAt, "must be in the future")
	}
	return nil
}

// ValidateName refuses an empty, oversized or unprintable name.
func ValidateName(location, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return fault.InvalidField(location, name, "must not be empty")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fault.InvalidField(location, nil, "must be text without control characters")
	case utf8.RuneCountInString(name) > maxNameRunes:
		return fault.InvalidField(location, nil, "must have at most %d characters", maxNameRunes)
	}
	return nil
}
