package postgres_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store/postgres"
)

// BenchmarkBackendMemory searches in 300 collections with slots of their own over one connection, which keeps a plan of
// each statement of each, and reports the private memory of the PostgreSQL process that serves it, in MB.
func BenchmarkBackendMemory(b *testing.B) {
	all := fillSlots(b)
	vector := storefixture.Vector("q", storefixture.Dimensions)
	kinds := []search.Request{
		{Vector: vector, Mode: search.Semantic},
		{Query: "text number 7", Vector: vector, Mode: search.Hybrid},
		{Query: "text number 7", Mode: search.Lexical},
		{Vector: vector, Mode: search.Semantic, Filter: []byte(`{"id": {"$gte": "d1"}}`)},
	}
	for b.Loop() {
		one, err := postgres.Open(b.Context(), postgres.Config{URL: all[0].AppURL + "&application_name=bench", MaxConns: 1})
		if err != nil {
			b.Fatal(err)
		}
		service := newService(b)
		held := make([]float64, 0, len(kinds))
		for _, request := range kinds {
			for _, e := range all {
				if _, err := service.Search(e.ctx, one.ForTenant(e.ID), e.ID, request); err != nil {
					b.Fatal(err)
				}
			}
			held = append(held, backendMemory(b, all[0].OwnerURL))
		}
		one.Close()
		for i, name := range []string{"semantic", "hybrid", "lexical", "filtered"} {
			b.ReportMetric(held[i], name+"-MB")
		}
	}
}

// backendMemory is the private memory of the largest process that serves a connection of the benchmark's own, in MB.
func backendMemory(b *testing.B, ownerURL string) (most float64) {
	var pids []int
	queryRow(b, ownerURL, `SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = 'bench'`, &pids)
	for _, pid := range pids {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			b.Skip("this system does not tell the memory of other processes")
		}
		private := 0.0
		for line := range strings.Lines(string(rollup)) {
			var kilobytes float64
			if _, err := fmt.Sscanf(line, "Private_Dirty: %f kB", &kilobytes); err == nil {
				private = kilobytes / 1024
			}
		}
		most = max(most, private)
	}
	return most
}
