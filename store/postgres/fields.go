package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxFieldText is the longest text kept whole in document_fields; an index row must fit a third of a page.
const maxFieldText = 1000

// fieldPrefix is what is kept of a longer one before its hash.
const fieldPrefix = 900

// fieldMarks stand between prefix and hash: they sort first, and make the whole longer than maxFieldText, so
// that it equals no text that is kept whole.
var fieldMarks = strings.Repeat("\x01", 60)

// fieldText is a text as document_fields keeps it: itself, or when it is long a prefix and its hash. Equal
// texts stay equal and unequal ones unequal; long texts with the same prefix are ordered by their hash.
func fieldText(s string) string {
	if len(s) <= maxFieldText {
		return s
	}
	end := fieldPrefix
	for !utf8.RuneStart(s[end]) {
		end--
	}
	sum := sha256.Sum256([]byte(s))
	return s[:end] + fieldMarks + hex.EncodeToString(sum[:])
}

// fieldColumns are rows of document_fields.
type fieldColumns struct {
	keys   []uuid.UUID
	fields []string
	n      []int16
	texts  []*string
	floats []*float64
	bools  []*bool
}

// add appends the rows of one document's metadata: a flat object of string, number, boolean, array of strings.
// Of equal strings in an array one is kept. Anything else is an error.
func (c *fieldColumns) add(key uuid.UUID, metadata json.RawMessage) error {
	if len(metadata) == 0 {
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal(metadata, &object); err != nil {
		return fmt.Errorf("metadata is not a JSON object: %w", err)
	}
	for field, value := range object {
		if err := c.addValue(key, field, value); err != nil {
			return err
		}
	}
	return nil
}

func (c *fieldColumns) addValue(key uuid.UUID, field string, value any) error {
	switch v := value.(type) {
	case string:
		text := fieldText(v)
		c.row(key, field, 0, &text, nil, nil)
	case float64:
		c.row(key, field, 0, nil, &v, nil)
	case bool:
		c.row(key, field, 0, nil, nil, &v)
	case []any:
		return c.addArray(key, field, v)
	default:
		return fmt.Errorf("metadata field %q is of a type that cannot be filtered", field)
	}
	return nil
}

func (c *fieldColumns) addArray(key uuid.UUID, field string, values []any) error {
	texts := make([]string, 0, len(values))
	for _, value := range values {
		s, ok := value.(string)
		if !ok {
			return fmt.Errorf("metadata field %q is an array of something other than strings", field)
		}
		texts = append(texts, fieldText(s))
	}
	if len(texts) == 0 { // the field exists, and equals nothing
		c.row(key, field, 0, nil, nil, nil)
		return nil
	}
	slices.Sort(texts)
	for n, text := range slices.Compact(texts) {
		c.row(key, field, int16(n), &text, nil, nil)
	}
	return nil
}

func (c *fieldColumns) row(key uuid.UUID, field string, n int16, text *string, float *float64, boolean *bool) {
	c.keys = append(c.keys, key)
	c.fields = append(c.fields, field)
	c.n = append(c.n, n)
	c.texts = append(c.texts, text)
	c.floats = append(c.floats, float)
	c.bools = append(c.bools, boolean)
}
