// Package filter holds the filter language of the HTTP contract: its expressions, its parser and, as a reference
// for every backend, what it means (Match).
package filter

import "time"

// Expr is a parsed filter: And, Or, Not, Compare, In or Exists. A nil Expr matches everything.
type Expr interface{ expr() }

// And matches what all of its parts match; empty, it matches everything.
type And []Expr

// Or matches what one of its parts matches; empty, it matches nothing.
type Or []Expr

// Not matches what its part does not, so also what lacks the field.
type Not struct{ Expr Expr }

// Compare holds a field against one value of the same type; no type is converted into another. An array matches
// when one of its elements does.
type Compare struct {
	Field Field
	Op    Op
	Value Value
}

// In matches a field that equals one of the values.
type In struct {
	Field  Field
	Values []Value
}

// Exists matches a document that has the field.
type Exists struct{ Field Field }

func (And) expr()     {}
func (Or) expr()      {}
func (Not) expr()     {}
func (Compare) expr() {}
func (In) expr()      {}
func (Exists) expr()  {}

// Op is a comparison.
type Op string

// The comparisons that Compare knows; $ne, $nin and {$exists: false} are a Not around others.
const (
	Eq  Op = "$eq"
	Gt  Op = "$gt"
	Gte Op = "$gte"
	Lt  Op = "$lt"
	Lte Op = "$lte"
)

// Field is a key of the metadata, or one of the document's own fields, which begin with a dollar sign.
type Field string

// The fields that every document has.
const (
	ID        Field = "$id"
	Title     Field = "$title"
	URL       Field = "$url"
	CreatedAt Field = "$created_at"
	UpdatedAt Field = "$updated_at"
)

// IsTime reports whether the field holds a point in time.
func (f Field) IsTime() bool { return f == CreatedAt || f == UpdatedAt }

// IsOwn reports whether the field is the document's own rather than metadata.
func (f Field) IsOwn() bool { return f.IsTime() || f == ID || f == Title || f == URL }

// Value is a string, a float64, a bool, or for a field that holds one a time.Time.
type Value any

// Document is what Match looks at.
type Document struct {
	ID, Title, URL       string
	CreatedAt, UpdatedAt time.Time
	// Metadata values are string, float64, bool, []any of string: what encoding/json makes of them.
	Metadata map[string]any
}
