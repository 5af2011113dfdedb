package pinecone

import (
	"fmt"

	"github.com/google/uuid"
	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/store/filter"
)

// narrow translates a filter into Pinecone's language for the records of one collection. What Pinecone finds must
// include everything that matches: whatever it cannot express, or might mean differently, is left out, because the
// database applies the whole filter again to what is proposed.
func narrow(collection uuid.UUID, e filter.Expr) (*sdk.MetadataFilter, error) {
	conditions := []any{equals(collectionField, collection.String())}
	if condition := translate(e); condition != nil {
		conditions = append(conditions, map[string]any{"$or": []any{condition, equals(partialField, true)}})
	}
	f, err := sdk.NewMetadataFilter(map[string]any{"$and": conditions})
	if err != nil {
		return nil, fmt.Errorf("translate the filter: %w", err)
	}
	return f, nil
}

// translate returns a condition that holds for everything that e matches; nil is one that always holds.
func translate(e filter.Expr) map[string]any {
	switch e := e.(type) {
	case filter.And:
		return translateAll(e)
	case filter.Or:
		return translateAny(e)
	case filter.Compare:
		return translateCompare(e)
	case filter.In:
		return translateIn(e)
	case filter.Exists:
		if name, ok := fieldName(e.Field); ok {
			return operator(name, "$exists", true)
		}
	}
	// Not, too: there is no operator for it, and what $ne says of missing fields and lists is not written down.
	return nil
}

func translateAll(parts filter.And) map[string]any {
	var conditions []any
	for _, part := range parts {
		if condition := translate(part); condition != nil {
			conditions = append(conditions, condition)
		}
	}
	if conditions == nil {
		return nil
	}
	return map[string]any{"$and": conditions}
}

func translateAny(parts filter.Or) map[string]any {
	if len(parts) == 0 {
		return nothing()
	}
	conditions := make([]any, len(parts))
	for i, part := range parts {
		condition := translate(part)
		if condition == nil {
			return nil
		}
		conditions[i] = condition
	}
	return map[string]any{"$or": conditions}
}

func translateCompare(e filter.Compare) map[string]any {
	name, ok := fieldName(e.Field)
	if !ok {
		return nil
	}
	if _, isNumber := e.Value.(float64); !isNumber && e.Op != filter.Eq {
		return nil // Pinecone orders numbers only
	}
	return operator(name, string(e.Op), e.Value)
}

// translateIn asks for the values of each type by themselves: lists of mixed types are not promised to work.
func translateIn(e filter.In) map[string]any {
	name, ok := fieldName(e.Field)
	if !ok {
		return nil
	}
	var texts, numbers, conditions []any
	for _, value := range e.Values {
		switch value.(type) {
		case string:
			texts = append(texts, value)
		case float64:
			numbers = append(numbers, value)
		default:
			conditions = append(conditions, equals(name, value))
		}
	}
	if texts != nil {
		conditions = append(conditions, operator(name, "$in", texts))
	}
	if numbers != nil {
		conditions = append(conditions, operator(name, "$in", numbers))
	}
	if conditions == nil {
		return nothing()
	}
	return map[string]any{"$or": conditions}
}

// nothing is a condition that no record meets: each has its collection's id.
func nothing() map[string]any { return equals(collectionField, "") }

// fieldName is the record's field; of the document's own fields a record has the id only.
func fieldName(f filter.Field) (string, bool) {
	if f == filter.ID {
		return documentField, true
	}
	return fieldPrefix + string(f), !f.IsOwn()
}

func operator(field, op string, value any) map[string]any {
	return map[string]any{field: map[string]any{op: value}}
}

func equals(field string, value any) map[string]any { return operator(field, "$eq", value) }
