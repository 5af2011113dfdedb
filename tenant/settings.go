package tenant

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"lindero/fault"
)

const maxObjectBytes = 64 << 10

// ValidateObject refuses what is not a JSON object of moderate size that the database can hold.
func ValidateObject(location string, raw json.RawMessage) error {
	var fields map[string]json.RawMessage
	switch {
	case len(raw) > maxObjectBytes:
		return fault.InvalidField(location, nil, "must have at most %d bytes", maxObjectBytes)
	case !utf8.Valid(raw) || bytes.Contains(raw, []byte(`\u0000`)): // jsonb cannot hold them
		return fault.InvalidField(location, nil, "must be UTF-8 text without the character U+0000")
	case json.Unmarshal(raw, &fields) != nil || fields == nil:
		return fault.InvalidField(location, nil, "must be a JSON object")
	}
	return nil
}

// ValidateSettings refuses settings that are no object, and wrong values of those that mean something to the service;
// others are the caller's own.
func ValidateSettings(location string, raw json.RawMessage) error {
	if err := ValidateObject(location, raw); err != nil {
		return err
	}
	var known struct {
		RecallObjective *float64 `json:"recall_objective"`
	}
	if err := json.Unmarshal(raw, &known); err != nil || (known.RecallObjective != nil && (*known.RecallObjective <= 0 || *known.RecallObjective > 1)) {
		return fault.InvalidField(location+".recall_objective", nil, "must be a number above 0 and up to 1")
	}
	return nil
}
