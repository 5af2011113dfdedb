package search

import "github.com/prometheus/client_golang/prometheus"

var (
	rejectedCandidates = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_isolation_rejected_candidates_total",
		Help: "Candidates that a backend proposed from another tenant and that were dropped before an answer. Any rise is an incident.",
	})
	staleCandidates = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_stale_candidates_total",
		Help: "Candidates of the right tenant whose chunk was gone when it was to be read.",
	})
	repeatedSearches = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_searches_repeated_total",
		Help: "Searches repeated because the collection had changed since it was described.",
	})
	degradedSearches = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_searches_degraded_total",
		Help: "Vector legs given up because the index outside the database could not be asked; the answers say so.",
	})
)

// Collectors are the package's metrics.
func Collectors() []prometheus.Collector {
	return []prometheus.Collector{rejectedCandidates, staleCandidates, repeatedSearches, degradedSearches}
}
