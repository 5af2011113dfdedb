// Package strictjson decodes request bodies: one pass that checks the grammar, refuses what the target does not
// know, and names every wrong part by its location. It is stricter than encoding/json (case-sensitive names, no
// field twice, no U+0000, bounded depth) and several times faster on vectors, where most bytes of a request lie.
package strictjson

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"lindero/fault"
)

const (
	// maxDepth bounds nesting, so that a hostile body cannot exhaust the stack. Filters are the deepest honest input.
	maxDepth = 64
	// maxProblems bounds the list of wrong parts in one answer.
	maxProblems = 20
	// maxEchoed is the longest scalar that is repeated in an error.
	maxEchoed = 64
)

// Decode parses data, exactly one JSON value, into target, a pointer. Locations in errors start with location,
// such as "body". A text that is not JSON is fault.Malformed and target is undefined; one that does not fit the
// target is fault.Invalid and lists up to 20 wrong parts. Raw messages in the target alias data.
func Decode(location string, data []byte, target any) error {
	d := decoder{data: data, root: location}
	if !utf8.Valid(data) {
		return fault.New(fault.Malformed, "%s is not valid UTF-8", location)
	}
	if err := d.value(reflect.ValueOf(target).Elem()); err != nil {
		return err
	}
	if d.space(); d.pos != len(d.data) {
		return d.malformed("something follows the end of the JSON value")
	}
	return d.invalid()
}

type decoder struct {
	data     []byte
	pos      int
	depth    int
	root     string
	path     []segment
	problems []fault.Field
}

// segment is one step of a location: a field's name, or an index where name is empty.
type segment struct {
	name  string
	index int
}

func (d *decoder) location() string {
	var b strings.Builder
	b.WriteString(d.root)
	for _, s := range d.path {
		if s.name == "" {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		} else {
			b.WriteString("." + s.name)
		}
	}
	return b.String()
}

func (d *decoder) malformed(format string, args ...any) error {
	return fault.New(fault.Malformed, "%s is not valid JSON: %s at byte %d", d.root, fmt.Sprintf(format, args...), d.pos)
}

// problem notes that the value at the current location, whose text is raw, does not fit.
func (d *decoder) problem(raw []byte, format string, args ...any) {
	if len(d.problems) == maxProblems {
		return
	}
	f := fault.Field{Location: d.location(), Message: fmt.Sprintf(format, args...)}
	if len(raw) > 0 && len(raw) <= maxEchoed && raw[0] != '{' && raw[0] != '[' {
		f.Value = rawValue(raw)
	}
	d.problems = append(d.problems, f)
}

// rawValue is JSON text that marshals as itself.
type rawValue []byte

// MarshalJSON gives the text as it was sent.
func (r rawValue) MarshalJSON() ([]byte, error) { return r, nil }

func (d *decoder) invalid() error {
	if len(d.problems) == 0 {
		return nil
	}
	first := d.problems[0]
	detail := first.Location + ": " + first.Message
	if more := len(d.problems) - 1; more > 0 {
		detail += fmt.Sprintf(" (and %d more)", more)
	}
	return &fault.Error{Code: fault.Invalid, Detail: detail, Fields: d.problems}
}
