package pineconeemu

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"
)

func TestFilterTable(t *testing.T) {
	t.Parallel()
	_, conn := setUp(t, Config{}, 2)
	for id, fields := range map[string]map[string]any{
		"none": nil, "drama": {"genre": "drama", "year": 2020.0}, "comedy": {"genre": "comedy", "year": 1999.5, "seen": true},
		"both": {"genre": []any{"drama", "comedy"}, "seen": false}, "text": {"year": "2020"}, "empty": {"genre": []any{}},
	} {
		upsert(t, conn, record(t, id, []float32{1, 1}, fields))
	}
	for _, c := range []struct {
		filter map[string]any
		want   string // the ids, in order
	}{
		{map[string]any{}, "both comedy drama empty none text"},
		{map[string]any{"genre": map[string]any{}}, "both comedy drama empty none text"},
		{map[string]any{"genre": "drama"}, "both drama"},
		{map[string]any{"genre": map[string]any{"$eq": "drama"}}, "both drama"},
		{map[string]any{"genre": map[string]any{"$ne": "drama"}}, "comedy empty none text"},
		{map[string]any{"genre": map[string]any{"$in": []any{"comedy", "war"}}}, "both comedy"},
		{map[string]any{"genre": map[string]any{"$in": []any{}}}, ""},
		{map[string]any{"genre": map[string]any{"$nin": []any{"comedy"}}}, "drama empty none text"},
		{map[string]any{"genre": map[string]any{"$exists": true}}, "both comedy drama empty"},
		{map[string]any{"genre": map[string]any{"$exists": false}}, "none text"},
		{map[string]any{"year": 2020}, "drama"},
		{map[string]any{"year": "2020"}, "text"},
		{map[string]any{"year": map[string]any{"$gt": 1999.5}}, "drama"},
		{map[string]any{"year": map[string]any{"$gte": 1999.5, "$lt": 2020}}, "comedy"},
		{map[string]any{"year": map[string]any{"$lte": 1e9}}, "comedy drama"},
		{map[string]any{"year": map[string]any{"$in": []any{2020, 2021}}}, "drama"},
		{map[string]any{"seen": true}, "comedy"},
		{map[string]any{"seen": map[string]any{"$ne": true}}, "both drama empty none text"},
		{map[string]any{"genre": "drama", "year": 2020}, "drama"},
		{map[string]any{"$and": []any{map[string]any{"genre": "drama"}, map[string]any{"genre": "comedy"}}}, "both"},
		{map[string]any{"$or": []any{map[string]any{"genre": "drama"}, map[string]any{"year": map[string]any{"$lt": 2000}}}}, "both comedy drama"},
	} {
		if got := strings.Join(filtered(t, conn, c.filter), " "); got != c.want {
			t.Errorf("%v: %q, want %q", c.filter, got, c.want)
		}
	}
}

// filtered are the ids that a query with a filter finds, in order.
func filtered(t testing.TB, conn *pinecone.IndexConnection, m map[string]any) []string {
	t.Helper()
	ids, err := tryFilter(t, conn, m)
	if err != nil {
		t.Fatalf("%v: %v", m, err)
	}
	return ids
}

func tryFilter(t testing.TB, conn *pinecone.IndexConnection, m map[string]any) ([]string, error) {
	t.Helper()
	filter, err := pinecone.NewMetadataFilter(m)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := conn.QueryByVectorValues(t.Context(), &pinecone.QueryByVectorValuesRequest{Vector: []float32{1, 0}, TopK: 1000, MetadataFilter: filter})
	if err != nil {
		return nil, err
	}
	ids := idsOf(answer.Matches)
	slices.Sort(ids)
	return ids, nil
}

func TestBadFilters(t *testing.T) {
	t.Parallel()
	_, conn := setUp(t, Config{}, 2)
	tooMany := make([]any, maxInValues+1)
	for i := range tooMany {
		tooMany[i] = i
	}
	for _, c := range []struct {
		filter  map[string]any
		message string
	}{
		{map[string]any{"f": nil}, "the $eq operator must be followed by a string, boolean or a number, got null instead"},
		{map[string]any{"f": []any{"a"}}, "the $eq operator"},
		{map[string]any{"f": map[string]any{"$eq": map[string]any{}}}, "got {} instead"},
		{map[string]any{"f": map[string]any{"$ne": []any{}}}, "the $ne operator"},
		{map[string]any{"f": map[string]any{"$gt": "1"}}, "the $gt operator must be followed by a number"},
		{map[string]any{"f": map[string]any{"$lte": true}}, "the $lte operator must be followed by a number"},
		{map[string]any{"f": map[string]any{"$in": "a"}}, "the $in operator must be followed by a list of strings or a list of numbers"},
		{map[string]any{"f": map[string]any{"$in": []any{"a", 1}}}, "the $in operator must be followed by a list of strings or a list of numbers"},
		{map[string]any{"f": map[string]any{"$nin": []any{true}}}, "the $nin operator must be followed by a list of strings or a list of numbers"},
		{map[string]any{"f": map[string]any{"$in": []any{nil}}}, "the $in operator"},
		{map[string]any{"f": map[string]any{"$in": tooMany}}, "at most 10000 values"},
		{map[string]any{"f": map[string]any{"$exists": 1}}, "the $exists operator must be followed by a boolean"},
		{map[string]any{"f": map[string]any{"$regex": "a"}}, "$regex is not a valid operator"},
		{map[string]any{"f": map[string]any{"nested": "a"}}, "nested is not a valid operator"},
		{map[string]any{"$not": map[string]any{"f": 1}}, "$not is not a valid operator at the top level"},
		{map[string]any{"$and": []any{}}, "the $and operator must be followed by a non-empty list"},
		{map[string]any{"$or": map[string]any{"f": 1}}, "the $or operator must be followed by a non-empty list"},
		{map[string]any{"$or": []any{"f"}}, "the $or operator must be followed by a list of filters"},
	} {
		_, err := tryFilter(t, conn, c.filter)
		wantRefusal(t, fmt.Sprintf("%.80v", c.filter), err, codes.InvalidArgument, c.message)
	}
}

// TestFiltersAgreeWithTheReference compares filters over the wire with a second, independent reading of the language.
func TestFiltersAgreeWithTheReference(t *testing.T) {
	t.Parallel()
	_, conn := setUp(t, Config{}, 2)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		own := conn.WithNamespace(fmt.Sprint("run-", run))
		records := rapid.SliceOfN(drawFields(), 1, 12).Draw(r, "records")
		var vectors []*pinecone.Vector
		for i, fields := range records {
			vectors = append(vectors, record(t, fmt.Sprintf("%02d", i), []float32{1, 1}, fields))
		}
		upsert(t, own, vectors...)
		filter := drawFilter(3).Draw(r, "filter")
		want := []string{}
		for i, fields := range records {
			if referenceMatch(filter, fields) {
				want = append(want, fmt.Sprintf("%02d", i))
			}
		}
		if diff := cmp.Diff(want, filtered(t, own, filter)); diff != "" {
			r.Fatalf("filter %v:\n%s", filter, diff)
		}
	})
}

func drawFields() *rapid.Generator[map[string]any] {
	value := rapid.OneOf(
		rapid.SampledFrom([]any{"x", "y", "1", 1.0, 2.0, -1.5, true, false}),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]any{"x", "y", "z"}), 0, 3), func(l []any) any { return l }),
	)
	return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), value, 0, 2)
}

func drawFilter(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		filter := map[string]any{}
		if depth > 0 && rapid.Bool().Draw(t, "nested") {
			parts := rapid.SliceOfN(drawFilter(depth-1), 1, 3).Draw(t, "parts")
			var list []any
			for _, p := range parts {
				list = append(list, p)
			}
			filter[rapid.SampledFrom([]string{"$and", "$or"}).Draw(t, "junction")] = list
		}
		for _, field := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b"}), 0, 2, rapid.ID[string]).Draw(t, "fields") {
			filter[field] = drawCondition().Draw(t, "condition")
		}
		return filter
	})
}

func drawCondition() *rapid.Generator[any] {
	scalar := rapid.SampledFrom([]any{"x", "y", "1", 1.0, 2.0, true})
	number := rapid.SampledFrom([]any{-1.5, 0.0, 1.0, 2.0})
	lists := rapid.OneOf(
		rapid.SliceOfN(rapid.SampledFrom([]any{"x", "y", "1"}), 0, 3), rapid.SliceOfN(rapid.SampledFrom([]any{1.0, 2.0}), 0, 3),
	)
	return rapid.Custom(func(t *rapid.T) any {
		conditions := map[string]any{}
		for range rapid.IntRange(1, 2).Draw(t, "operators") {
			switch op := rapid.SampledFrom([]string{"", "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists"}).Draw(t, "operator"); op {
			case "":
				return scalar.Draw(t, "value")
			case "$eq", "$ne":
				conditions[op] = scalar.Draw(t, "value")
			case "$in", "$nin":
				conditions[op] = lists.Draw(t, "values")
			case "$exists":
				conditions[op] = rapid.Bool().Draw(t, "exists")
			default:
				conditions[op] = number.Draw(t, "bound")
			}
		}
		return conditions
	})
}

// referenceMatch reads a filter directly from its definition, on plain Go values.
func referenceMatch(filter, fields map[string]any) bool {
	for key, value := range filter {
		ok := true
		switch key {
		case "$and":
			for _, part := range value.([]any) {
				ok = ok && referenceMatch(part.(map[string]any), fields)
			}
		case "$or":
			ok = slices.ContainsFunc(value.([]any), func(part any) bool { return referenceMatch(part.(map[string]any), fields) })
		default:
			conditions, isObject := value.(map[string]any)
			if !isObject {
				conditions = map[string]any{"$eq": value}
			}
			for op, operand := range conditions {
				ok = ok && referenceHolds(op, operand, fields, key)
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

func referenceHolds(op string, operand any, fields map[string]any, key string) bool {
	stored, present := fields[key]
	values, isList := stored.([]any)
	if present && !isList {
		values = []any{stored}
	}
	switch op {
	case "$exists":
		return present == operand.(bool)
	case "$ne":
		return !slices.Contains(values, operand)
	case "$nin":
		return !slices.ContainsFunc(values, func(v any) bool { return slices.Contains(operand.([]any), v) })
	}
	return slices.ContainsFunc(values, func(v any) bool {
		number, isNumber := v.(float64)
		switch op {
		case "$eq":
			return v == operand
		case "$in":
			return slices.Contains(operand.([]any), v)
		case "$gt":
			return isNumber && number > operand.(float64)
		case "$gte":
			return isNumber && number >= operand.(float64)
		case "$lt":
			return isNumber && number < operand.(float64)
		default:
			return isNumber && number <= operand.(float64)
		}
	})
}
