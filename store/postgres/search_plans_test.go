package postgres_test

import (
	"log/slog"
	"strings"
	"testing"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/search/lexical/analysis"
	"lindero/store/filter"
	"lindero/store/postgres"
)

// TestSearchesArePlannedOnce has one connection answer searches of each kind several times, in a shared slot and in one
// with an index, and looks at what it planned: no statement may be planned anew, and none may name the partitioned table, for which a plan made once would lock every partition.
func TestSearchesArePlannedOnce(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	e := newPlacedEnv(t, f)
	e.fill(0, 10)
	s, err := postgres.Open(t.Context(), postgres.Config{URL: f.AppURL, MaxConns: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	vector := storefixture.Vector("q", storefixture.Dimensions)
	terms := []analysis.QueryTerm{{Term: "number", Count: 1}}
	title := filter.Compare{Field: filter.Title, Op: filter.Eq, Value: "x"}
	ask := func() {
		t.Helper()
		for _, plan := range []search.Plan{
			{Targets: []search.Target{{Vector: vector}}, Passages: true},
			{Targets: []search.Target{{Vector: vector}}, Passages: true, Filter: title},
			{Targets: []search.Target{{Terms: terms}}, Passages: true},
			{Targets: []search.Target{{Vector: vector, Terms: terms}}},
			{Targets: []search.Target{{Vector: vector, Terms: terms, Comparison: &search.Comparison{Nearest: 1, Words: 3, Best: 2}}}},
		} {
			plan.Targets[0].Collection, plan.Targets[0].Limit = e.Collection, 2
			plan.Targets[0].Collection.EfSearch = 1 // as narrow as a comparison wants it
			for range 3 {
				snapshot, err := s.ForTenant(e.ID).Retrieve(t.Context(), plan)
				if err != nil {
					t.Fatal(err)
				}
				snapshot.Close()
			}
		}
	}
	ask()
	e.fill(10, 60)
	e.place()
	if !e.Collection.Indexed() {
		t.Fatalf("slot %d", e.Collection.Slot)
	}
	ask()
	rows, err := s.SearchPool().Query(t.Context(), `SELECT statement, custom_plans FROM pg_prepared_statements`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	leaves := 0
	for rows.Next() {
		var statement string
		var custom int64
		if err := rows.Scan(&statement, &custom); err != nil {
			t.Fatal(err)
		}
		if custom > 0 {
			t.Errorf("planned %d times: %s", custom, statement)
		}
		if strings.Contains(statement, "chunk_vectors ") {
			t.Errorf("names the partitioned table: %s", statement)
		}
		leaves += strings.Count(statement, "chunk_vectors_")
	}
	if err := rows.Err(); err != nil || leaves < 8 {
		t.Errorf("%d statements name a leaf; %v", leaves, err)
	}
}
