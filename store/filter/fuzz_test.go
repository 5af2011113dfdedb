package filter_test

import (
	"testing"

	"lindero/fault"
	"lindero/store/filter"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"$and":[{"a":{"$in":["x",2,true]}},{"$not":{"b":{"$exists":false}}}]}`, `{"$created_at":{"$gte":"2024-01-01T00:00:00Z"}}`, `{"a":{"$ne":null}}`, `[]`, `{"$or":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		expression, err := filter.Parse("body.filter", data)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		filter.Match(expression, &filter.Document{})
	})
}
