package postgres

import (
	"fmt"
	"strings"

	"lindero/store/filter"
)

// arguments collects the parameters of a statement that is put together from parts.
type arguments struct{ values []any }

// add binds a value and returns its placeholder.
func (a *arguments) add(value any) string {
	a.values = append(a.values, value)
	return fmt.Sprintf("$%d", len(a.values))
}

// filterSQL compiles filters against documents d of one collection. tenant and collection are placeholders.
// Metadata is looked up in document_fields by comparisons that are leakproof, so that row-level security and
// the indexes work together; only placeholders and fixed text get into the statement.
type filterSQL struct {
	args               *arguments
	tenant, collection string
	// few says that the condition is checked for a handful of documents: each is looked up by itself. Otherwise
	// every field's matches are gathered once.
	few bool
}

// condition is true for the documents d that the expression matches; a nil expression gives TRUE.
func (f *filterSQL) condition(e filter.Expr) string {
	switch e := e.(type) {
	case filter.And:
		return f.joined(e, " AND ", "TRUE")
	case filter.Or:
		return f.joined(e, " OR ", "FALSE")
	case filter.Not:
		return "NOT " + f.condition(e.Expr)
	case filter.Compare:
		return f.compare(e)
	case filter.In:
		return f.in(e)
	case filter.Exists:
		if e.Field.IsOwn() {
			return "TRUE"
		}
		return f.withField(e.Field, "TRUE")
	}
	return "TRUE"
}

func (f *filterSQL) joined(parts []filter.Expr, by, empty string) string {
	if len(parts) == 0 {
		return empty
	}
	conditions := make([]string, len(parts))
	for i, part := range parts {
		conditions[i] = f.condition(part)
	}
	return "(" + strings.Join(conditions, by) + ")"
}

var operatorsSQL = map[filter.Op]string{filter.Eq: "=", filter.Gt: ">", filter.Gte: ">=", filter.Lt: "<", filter.Lte: "<="}

var ownColumns = map[filter.Field]string{
	filter.ID: "d.id", filter.Title: `d.title COLLATE "C"`, filter.URL: `d.url COLLATE "C"`,
	filter.CreatedAt: "d.created_at", filter.UpdatedAt: "d.updated_at",
}

func (f *filterSQL) compare(e filter.Compare) string {
	operator := operatorsSQL[e.Op]
	if e.Field.IsOwn() {
		return fmt.Sprintf("(%s %s %s)", ownColumns[e.Field], operator, f.args.add(e.Value))
	}
	switch value := e.Value.(type) {
	case string:
		return f.withField(e.Field, fmt.Sprintf("f.text_value %s %s", operator, f.args.add(fieldText(value))))
	case float64:
		return f.withField(e.Field, fmt.Sprintf("f.float_value %s %s", operator, f.args.add(value)))
	default:
		return f.withField(e.Field, fmt.Sprintf("f.bool_value = %s", f.args.add(value)))
	}
}

// in asks for the values of each type with one list.
func (f *filterSQL) in(e filter.In) string {
	if e.Field.IsOwn() {
		parts := make([]filter.Expr, len(e.Values))
		for i, value := range e.Values {
			parts[i] = filter.Compare{Field: e.Field, Op: filter.Eq, Value: value}
		}
		return f.joined(parts, " OR ", "FALSE")
	}
	var texts []string
	var numbers []float64
	var conditions []string
	for _, value := range e.Values {
		switch value := value.(type) {
		case string:
			texts = append(texts, fieldText(value))
		case float64:
			numbers = append(numbers, value)
		default:
			conditions = append(conditions, "f.bool_value = "+f.args.add(value))
		}
	}
	if texts != nil {
		conditions = append(conditions, "f.text_value = ANY ("+f.args.add(texts)+")")
	}
	if numbers != nil {
		conditions = append(conditions, "f.float_value = ANY ("+f.args.add(numbers)+")")
	}
	if conditions == nil {
		return "FALSE"
	}
	return f.withField(e.Field, "("+strings.Join(conditions, " OR ")+")")
}

// withField is true for documents with a row of the field that meets the condition. IS TRUE keeps the planner from
// making a join of it: it takes any tenant's share for one row, and would run through all of it once per document.
// As it is, the subquery is run once and its result hashed, in a negation too.
func (f *filterSQL) withField(field filter.Field, condition string) string {
	rows := fmt.Sprintf("FROM document_fields f WHERE f.tenant_id = %s AND f.collection_id = %s AND f.field = %s AND %s",
		f.tenant, f.collection, f.args.add(string(field)), condition)
	if f.few {
		return "(EXISTS (SELECT " + rows + " AND f.document_key = d.key OFFSET 0)) IS TRUE"
	}
	return "(d.key IN (SELECT f.document_key " + rows + ")) IS TRUE"
}
