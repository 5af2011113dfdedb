package filter

import (
	"cmp"
	"slices"
	"time"
)

// Match says whether a document fits. It is the meaning of the language: what a backend finds must agree with it.
func Match(e Expr, d *Document) bool {
	switch e := e.(type) {
	case nil:
		return true
	case And:
		return !slices.ContainsFunc(e, func(part Expr) bool { return !Match(part, d) })
	case Or:
		return slices.ContainsFunc(e, func(part Expr) bool { return Match(part, d) })
	case Not:
		return !Match(e.Expr, d)
	case Compare:
		return slices.ContainsFunc(d.values(e.Field), func(v any) bool { return holds(e.Op, v, e.Value) })
	case In:
		return slices.ContainsFunc(e.Values, func(wanted Value) bool { return Match(Compare{e.Field, Eq, wanted}, d) })
	case Exists:
		return d.has(e.Field)
	}
	return false
}

func (d *Document) has(f Field) bool {
	if f.IsOwn() {
		return true
	}
	_, ok := d.Metadata[string(f)]
	return ok
}

// values are what the field holds: one, or the elements of an array.
func (d *Document) values(f Field) []any {
	switch f {
	case ID:
		return []any{d.ID}
	case Title:
		return []any{d.Title}
	case URL:
		return []any{d.URL}
	case CreatedAt:
		return []any{d.CreatedAt}
	case UpdatedAt:
		return []any{d.UpdatedAt}
	}
	value, ok := d.Metadata[string(f)]
	if !ok {
		return nil
	}
	if array, ok := value.([]any); ok {
		return array
	}
	return []any{value}
}

func holds(op Op, have any, want Value) bool {
	var order int
	switch have := have.(type) {
	case string:
		want, ok := want.(string)
		if !ok {
			return false
		}
		order = cmp.Compare(have, want)
	case float64:
		want, ok := want.(float64)
		if !ok {
			return false
		}
		order = cmp.Compare(have, want)
	case bool:
		return op == Eq && have == want
	case time.Time:
		want, ok := want.(time.Time)
		if !ok {
			return false
		}
		order = have.Compare(want)
	}
	switch op {
	case Eq:
		return order == 0
	case Gt:
		return order > 0
	case Gte:
		return order >= 0
	case Lt:
		return order < 0
	default:
		return order <= 0
	}
}
