package postgres_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/store/filter"
)

// TestFiltersSeeWhatIsListed follows one document from acceptance over publication to a version that waits: a filter
// finds it by the metadata that a list shows of it at the time. Long texts are kept in another form once published.
func TestFiltersSeeWhatIsListed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	first, second := strings.Repeat("ñ", 2000)+"first", strings.Repeat("ñ", 2000)+"second"
	put := func(value string) {
		doc := storefixture.Split("a", "text of "+value[len(value)-5:], storefixture.Dimensions)
		doc.Payload.Metadata = json.RawMessage(`{"none":[],"long":"` + value + `"}`)
		e.accept(doc)
	}
	finds := func(when string, expr filter.Expr, want int) {
		t.Helper()
		list, err := e.Handle.Documents(e.ctx, "default", store.DocumentQuery{Filter: expr, Page: store.Page{Limit: 10}})
		if err != nil || len(list.Items) != want {
			t.Errorf("%s, %+v finds %d documents, want %d: %v", when, expr, len(list.Items), want, err)
		}
	}
	is := func(value string) filter.Expr { return filter.Compare{Field: "long", Op: filter.Eq, Value: value} }
	check := func(when, visible, other string) {
		t.Helper()
		finds(when, is(visible), 1)
		finds(when, is(other), 0)
		finds(when, filter.In{Field: "long", Values: []filter.Value{other, visible}}, 1)
		finds(when, filter.Exists{Field: "none"}, 1)
		finds(when, filter.Exists{Field: "other"}, 0)
		finds(when, filter.Not{Expr: filter.Compare{Field: "none", Op: filter.Eq, Value: "x"}}, 1)
	}
	put(first)
	check("accepted", first, second)
	e.index()
	check("published", first, second)
	put(second)
	check("while it is being replaced", first, second)
	e.index()
	check("replaced", second, first)

	e.accept(storefixture.Split("b", "text", storefixture.Dimensions))
	if n, err := e.Handle.DeleteDocumentsWhere(e.ctx, "default", filter.Compare{Field: "id", Op: filter.Eq, Value: "b"}); n != 1 || err != nil {
		t.Errorf("deleting what waits for the first time: %d, %v", n, err)
	}
}
