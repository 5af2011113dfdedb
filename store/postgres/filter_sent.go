package postgres

import (
	"fmt"

	"lindero/store/filter"
)

// listed is the filter as a condition on documents d as lists show them. document_fields has what was published; the
// metadata of a document that has no published version yet stands in its row alone, and is read from there. That takes
// no index, but a pass over the documents that wait for the first time.
func (f *filterSQL) listed(e filter.Expr) string {
	if e == nil {
		return "TRUE"
	}
	sent := *f
	sent.sent = true
	return "((d.version > 0 AND " + f.condition(e) + ") OR (d.version = 0 AND " + sent.condition(e) + "))"
}

// withSent is withField for a document d without a published version. Its metadata is unfolded to what would become
// rows of document_fields; an empty array has none to meet a condition, but is there.
func (f *filterSQL) withSent(field filter.Field, condition string) string {
	name := f.args.add(string(field)) + "::text"
	if condition == anyValue {
		return "jsonb_exists(d.metadata, " + name + ")"
	}
	return fmt.Sprintf(`EXISTS (SELECT FROM (
		SELECT CASE jsonb_typeof(v) WHEN 'string' THEN v #>> '{}' END COLLATE "C" AS text_value,
			CASE jsonb_typeof(v) WHEN 'number' THEN (v #>> '{}')::float8 END AS float_value,
			CASE jsonb_typeof(v) WHEN 'boolean' THEN v::boolean END AS bool_value
		FROM jsonb_array_elements(CASE jsonb_typeof(d.metadata -> %[1]s) WHEN 'array' THEN d.metadata -> %[1]s
			ELSE jsonb_build_array(d.metadata -> %[1]s) END) v) f WHERE %[2]s)`, name, condition)
}

// text is a text of the filter as the values that it is compared with are kept.
func (f *filterSQL) text(s string) string {
	if f.sent {
		return s
	}
	return fieldText(s)
}
