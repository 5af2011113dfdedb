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
	// key, when it is set, is the key of one document, whose rows are looked up for each comparison: for few
	// documents. Empty: conditions on d that are met by joins, for all of the collection's.
	key string
	// sent: the documents have no rows of document_fields yet, and their metadata is read as it was sent.
	sent bool
}

// anyValue is the condition that every value of a field meets.
const anyValue = "TRUE"

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
		return f.withField(e.Field, anyValue)
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
		return f.ofDocument(fmt.Sprintf("(%s %s %s)", ownColumns[e.Field], operator, f.args.add(e.Value)))
	}
	return f.withField(e.Field, f.valueIs(e))
}

// valueIs is the comparison with the value of a row f of document_fields.
func (f *filterSQL) valueIs(e filter.Compare) string {
	operator := operatorsSQL[e.Op]
	switch value := e.Value.(type) {
	case string:
		return fmt.Sprintf("f.text_value %s %s", operator, f.args.add(f.text(value)))
	case float64:
		return fmt.Sprintf("f.float_value %s %s", operator, f.args.add(value))
	default:
		return fmt.Sprintf("f.bool_value = %s", f.args.add(value))
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
	condition := f.valueIn(e.Values)
	if condition == "" {
		return "FALSE"
	}
	return f.withField(e.Field, condition)
}

// valueIn is true for rows f of document_fields with one of the values; empty without any.
func (f *filterSQL) valueIn(values []filter.Value) string {
	var texts []string
	var numbers []float64
	var conditions []string
	for _, value := range values {
		switch value := value.(type) {
		case string:
			texts = append(texts, f.text(value))
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
		return ""
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}

// allOrdinals selects the ordinals of the chunks that match, of all that the collection has: each once.
func (f *filterSQL) allOrdinals(e filter.Expr) string {
	return fmt.Sprintf(`SELECT c.ordinal FROM chunks c WHERE c.tenant_id = %[1]s AND c.collection_id = %[2]s
		AND (c.document_key IN (SELECT d.key FROM documents d WHERE d.tenant_id = %[1]s AND d.collection_id = %[2]s AND %[3]s)) IS TRUE`,
		f.tenant, f.collection, f.condition(e))
}

// withField is true for documents with a row of the field that meets the condition. For one document that is a look-up
// by the primary key, which its order and OFFSET 0 keep from becoming anything else: the indexes on values hold the
// document's key last, and would be run through as far as the condition goes. For all of them, IS TRUE keeps the planner from making a join of it:
// it takes any tenant's share for one row, and would run through all of it once per document. As it is, the subquery is
// run once and its result hashed, in a negation too.
func (f *filterSQL) withField(field filter.Field, condition string) string {
	if f.sent {
		return f.withSent(field, condition)
	}
	if f.key == "" {
		return "(d.key IN (" + f.documentsWith("f.document_key", field, condition) + ")) IS TRUE"
	}
	return fmt.Sprintf(`EXISTS (SELECT FROM (SELECT * FROM document_fields WHERE tenant_id = %s AND collection_id = %s
		AND document_key = %s AND field = %s ORDER BY n OFFSET 0) f WHERE %s)`, f.tenant, f.collection, f.key, f.args.add(string(field)), condition)
}

// documentsWith selects columns of the documents with such a row, some of them more than once.
func (f *filterSQL) documentsWith(columns string, field filter.Field, condition string) string {
	return fmt.Sprintf("SELECT %s FROM document_fields f WHERE f.tenant_id = %s AND f.collection_id = %s AND f.field = %s AND %s",
		columns, f.tenant, f.collection, f.args.add(string(field)), condition)
}

// ofDocument is a condition on the document's own columns.
func (f *filterSQL) ofDocument(condition string) string {
	if f.key == "" {
		return condition
	}
	return fmt.Sprintf("EXISTS (SELECT FROM documents d WHERE d.tenant_id = %s AND d.collection_id = %s AND d.key = %s AND %s OFFSET 0)",
		f.tenant, f.collection, f.key, condition)
}

// ofCandidate is the filter as a condition on a proposed vector v, each looked up by itself.
func (f *filterSQL) ofCandidate(e filter.Expr) string {
	return fmt.Sprintf("EXISTS (SELECT FROM chunks c WHERE c.tenant_id = %s AND c.collection_id = %s AND c.ordinal = v.ordinal AND %s OFFSET 0)",
		f.tenant, f.collection, f.of("c.document_key").condition(e))
}
