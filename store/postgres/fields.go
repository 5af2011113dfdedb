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

// fieldsOf is a document whose metadata becomes rows of document_fields. The ordinals of its chunks follow one another.
type fieldsOf struct {
	key          uuid.UUID
	firstOrdinal int64
	chunks       int
}

// fieldColumns are rows of document_fields.
type fieldColumns struct {
	keys   []uuid.UUID
	firsts []int64
	chunks []int32
	fields []string
	n      []int16
	texts  []*string
	floats []*float64
	bools  []*bool
}

// add appends the rows of one document's metadata: a flat object of string, number, boolean, array of strings.
// Of equal strings in an array one is kept. Anything else is an error.
func (c *fieldColumns) add(doc fieldsOf, metadata json.RawMessage) error {
	if len(metadata) == 0 {
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal(metadata, &object); err != nil {
		return fmt.Errorf("metadata is not a JSON object: %w", err)
	}
	for field, value := range object {
		if err := c.addValue(doc, field, value); err != nil {
			return err
		}
	}
	return nil
}

func (c *fieldColumns) addValue(doc fieldsOf, field string, value any) error {
	switch v := value.(type) {
	case string:
		text := fieldText(v)
		c.row(doc, field, 0, &text, nil, nil)
	case float64:
		c.row(doc, field, 0, nil, &v, nil)
	case bool:
		c.row(doc, field, 0, nil, nil, &v)
	case []any:
		return c.addArray(doc, field, v)
	default:
		return fmt.Errorf("metadata field %q is of a type that cannot be filtered", field)
	}
	return nil
}

func (c *fieldColumns) addArray(doc fieldsOf, field string, values []any) error {
	texts := make([]string, 0, len(values))
	for _, value := range values {
		s, ok := value.(string)
		if !ok {
			return fmt.Errorf("metadata field %q is an array of something other than strings", field)
		}
		texts = append(texts, fieldText(s))
	}
	if len(texts) == 0 { // the field exists, and equals nothing
		c.row(doc, field, 0, nil, nil, nil)
		return nil
	}
	slices.Sort(texts)
	for n, text := range slices.Compact(texts) {
		c.row(doc, field, int16(n), &text, nil, nil)
	}
	return nil
}

func (c *fieldColumns) row(doc fieldsOf, field string, n int16, text *string, float *float64, boolean *bool) {
	c.keys = append(c.keys, doc.key)
	c.firsts = append(c.firsts, doc.firstOrdinal)
	c.chunks = append(c.chunks, int32(doc.chunks))
	c.fields = append(c.fields, field)
	c.n = append(c.n, n)
	c.texts = append(c.texts, text)
	c.floats = append(c.floats, float)
	c.bools = append(c.bools, boolean)
}
