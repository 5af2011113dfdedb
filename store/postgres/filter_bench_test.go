package postgres

import (
	"encoding/json"
	"testing"

	"lindero/store/filter"
)

func BenchmarkCompileFilter(b *testing.B) {
	expr, err := filter.Parse("filter", json.RawMessage(`{"$and":[{"year":{"$gte":2020,"$lt":2025}},{"$or":[{"product":"fibre"},{"tags":{"$in":["router","modem"]}}]},{"draft":{"$ne":true}}]}`))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f := &filterSQL{args: &arguments{}, tenant: "$1", collection: "$2"}
		if f.condition(expr) == "" {
			b.Fatal("no condition")
		}
	}
}
