package pinecone

import (
	"fmt"

	"github.com/google/uuid"
	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/store/filter"
)

// narrow translates a filter into Pinecone's language for the records of one collection. What Pinecone finds must
// include everything that matches: whatever it cannot express, or might mean differently, is left out, because the
// database applies the whole filter again to what is proposed. whole says whether nothing was left out.
func narrow(collection uuid.UUID, e filter.Expr) (f *sdk.MetadataFilter, whole bool, err error) {
	conditions := []any{equals(collectionField, collection.String())}
	condition, whole := translate(e)
	if condition != nil {
		conditions = append(conditions, map[string]any{"$or": []any{condition, equals(partialField, true)}})
	}
	f, err = sdk.NewMetadataFilter(map[string]any{"$and": conditions})
	if err != nil {
		return nil, false, fmt.Errorf("translate the filter: %w", err)
	}
	return f, whole, nil
}

// translate returns a condition that holds for everything that e matches; nil is one that always holds.
func translate(e filter.Expr) (condition map[string]any, whole bool) {
	switch e := e.(type) {
	case nil:
		return nil, true
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
			return operator(name, "$exists", true), true
		}
		return nil, e.Field.IsOwn() // every document has those
	}
	// Not: there is no operator for it, and what $ne says of missing fields and lists is not written down.
	return nil, false
}

func translateAll(parts filter.And) (condition map[string]any, whole bool) {
	var conditions []any
	whole = true
	for _, part := range parts {
		translated, all := translate(part)
		whole = whole && all
		if translated != nil {
			conditions = append(conditions, translated)
		}
	}
	if conditions == nil {
		return nil, whole
	}
	return map[string]any{"$and": conditions}, whole
}

func translateAny(parts filter.Or) (condition map[string]any, whole bool) {
	if len(parts) == 0 {
		return operator(collectionField, "$eq", ""), true // nothing matches
	}
	conditions := make([]any, len(parts))
	whole = true
	for i, part := range parts {
		translated, all := translate(part)
		if translated == nil {
			return nil, all && whole
		}
		whole = whole && all
		conditions[i] = translated
	}
	return map[string]any{"$or": conditions}, whole
}

func translateCompare(e filter.Compare) (map[string]any, bool) {
	name, ok := fieldName(e.Field)
	if !ok {
		return nil, false
	}
	if _, isNumber := e.Value.(float64); !isNumber && e.Op != filter.Eq {
		return nil, false // Pinecone orders numbers only
	}
	return operator(name, string(e.Op), e.Value), true
}

// translateIn asks for the values of each type by themselves: lists of mixed types are not promised to work.
func translateIn(e filter.In) (map[string]any, bool) {
	name, ok := fieldName(e.Field)
	if !ok {
		return nil, false
	}
	var texts, numbers, conditions []any
	for _, value := range e.Values {
		switch value.(type) {
		case string:
			texts = append(texts, value)
		case float64:
			numbers = append(numbers, value)
		default:
			conditions = append(conditions, operator(name, "$eq", value))
		}
	}
	if texts != nil {
		conditions = append(conditions, operator(name, "$in", texts))
	}
	if numbers != nil {
		conditions = append(conditions, operator(name, "$in", numbers))
	}
	if conditions == nil {
		return operator(collectionField, "$eq", ""), true
	}
	return map[string]any{"$or": conditions}, true
}

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
