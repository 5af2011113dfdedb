package admission

import "github.com/prometheus/client_golang/prometheus"

var (
	waited = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "lindero_search_wait_seconds", Help: "How long searches waited that could not begin at once.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
	})
	refused = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_search_refused_total", Help: "Searches refused because too many were waiting.",
	})
	rested = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_bulk_rest_seconds_total", Help: "How long bulk loads rested because other tenants were searching.",
	})
)

// Collectors are the package's metrics.
func Collectors() []prometheus.Collector { return []prometheus.Collector{waited, refused, rested} }
