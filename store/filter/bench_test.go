package filter_test

import (
	"encoding/json"
	"testing"

	"lindero/store/filter"
)

// typical is what a caller with a few conditions sends.
var typical = json.RawMessage(`{"$and":[{"year":{"$gte":2020,"$lt":2025}},{"$or":[{"product":"fibre"},{"tags":{"$in":["router","modem"]}}]},{"draft":{"$ne":true}}]}`)

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := filter.Parse("filter", typical); err != nil {
			b.Fatal(err)
		}
	}
}
