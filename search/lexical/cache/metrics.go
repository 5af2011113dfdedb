package cache

import "github.com/prometheus/client_golang/prometheus"

var (
	hits = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_lexical_cache_hits_total", Help: "Terms of searches whose postings were in memory.",
	})
	misses = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_lexical_cache_misses_total", Help: "Terms of searches whose postings were read from the database.",
	})
)

// Collectors are the package's metrics.
func Collectors() []prometheus.Collector { return []prometheus.Collector{hits, misses} }
