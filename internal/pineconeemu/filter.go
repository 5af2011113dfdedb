package pineconeemu

import (
	"slices"

	"google.golang.org/protobuf/types/known/structpb"
)

// filter is a parsed metadata filter; nil lets everything through. The semantics are MongoDB's, which Pinecone names
// as its model: a condition on a list holds when one of its elements meets it, $ne and $nin are the negations of $eq
// and $in (so a missing field meets them), and values of different types are never equal.
type filter interface {
	matches(metadata *structpb.Struct) bool
}

type (
	everything struct{}
	allOf      []filter
	anyOf      []filter
	// condition is an operator applied to a field's value, or to nil when the field is absent.
	condition struct {
		field string
		holds func(value *structpb.Value) bool
	}
)

func (everything) matches(*structpb.Struct) bool { return true }

func (f allOf) matches(metadata *structpb.Struct) bool {
	for _, part := range f {
		if !part.matches(metadata) {
			return false
		}
	}
	return true
}

func (f anyOf) matches(metadata *structpb.Struct) bool {
	return slices.ContainsFunc(f, func(part filter) bool { return part.matches(metadata) })
}

func (f condition) matches(metadata *structpb.Struct) bool {
	return f.holds(metadata.GetFields()[f.field])
}

// some reports whether the value, or one element of the list it is, meets the predicate.
func some(value *structpb.Value, meets func(*structpb.Value) bool) bool {
	if value == nil {
		return false
	}
	if list, ok := value.GetKind().(*structpb.Value_ListValue); ok {
		return slices.ContainsFunc(list.ListValue.GetValues(), meets)
	}
	return meets(value)
}

// equal compares scalars, without coercion.
func equal(a, b *structpb.Value) bool {
	switch a := a.GetKind().(type) {
	case *structpb.Value_StringValue:
		b, ok := b.GetKind().(*structpb.Value_StringValue)
		return ok && a.StringValue == b.StringValue
	case *structpb.Value_NumberValue:
		b, ok := b.GetKind().(*structpb.Value_NumberValue)
		return ok && a.NumberValue == b.NumberValue
	case *structpb.Value_BoolValue:
		b, ok := b.GetKind().(*structpb.Value_BoolValue)
		return ok && a.BoolValue == b.BoolValue
	}
	return false
}

func not(holds func(*structpb.Value) bool) func(*structpb.Value) bool {
	return func(value *structpb.Value) bool { return !holds(value) }
}
