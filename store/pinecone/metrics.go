package pinecone

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/status"
)

// Nothing here names a tenant: calls are counted over all of them.
var (
	calls = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "lindero_pinecone_call_seconds", Help: "Duration of calls to Pinecone, each try by itself.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 11),
	}, []string{"method", "outcome"})
	discarded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lindero_pinecone_discarded_total",
		Help: "Matches that were of no use: garbled, of another collection, repeated or more than asked for. Another tenant's are counted in lindero_isolation_rejected_candidates_total.",
	}, []string{"reason"})
	changesTold = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lindero_pinecone_changes_total", Help: "Vectors told to Pinecone: upserted or deleted.",
	}, []string{"kind"})
)

// Collectors are the package's metrics.
func Collectors() []prometheus.Collector {
	return []prometheus.Collector{calls, discarded, changesTold}
}

func observe(method string, started time.Time, err error) {
	calls.WithLabelValues(method, status.Code(err).String()).Observe(time.Since(started).Seconds())
}
