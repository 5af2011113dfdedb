package jobs

import "github.com/prometheus/client_golang/prometheus"

// The tenant is labelled by its id; nothing else about it is in a metric.
var (
	documentsDone = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lindero_ingest_documents_total",
		Help: "Documents worked off: indexed, failed, retried or outdated (overtaken by a newer version or a deletion).",
	}, []string{"tenant", "outcome"})
	chunksDone = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lindero_ingest_chunks_total", Help: "Chunks made searchable.",
	}, []string{"tenant"})
	waited = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "lindero_ingest_wait_seconds", Help: "Time between a document's acceptance and its publication.",
		Buckets: prometheus.ExponentialBuckets(0.05, 3, 10),
	})
	queued = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "lindero_ingest_queue_seconds",
		Help:    "Time between a document's acceptance, or the end of its rest, and the moment a worker took it, by queue: single, ingest or dedicated.",
		Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
	}, []string{"queue"})
	published = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "lindero_ingest_publish_seconds", Help: "Duration of one publishing transaction.",
		Buckets: prometheus.ExponentialBuckets(0.005, 2, 12),
	})
	deliveriesDone = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lindero_webhook_deliveries_total",
		Help: "Attempts at webhook deliveries: delivered, retried (failed, and tried again later) or given_up.",
	}, []string{"tenant", "outcome"})
	attemptTime = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "lindero_webhook_attempt_seconds", Help: "Duration of one attempt at a webhook delivery.",
		Buckets: prometheus.ExponentialBuckets(0.005, 2, 12),
	})
)

// Collectors are the package's metrics.
func Collectors() []prometheus.Collector {
	return []prometheus.Collector{documentsDone, chunksDone, waited, queued, published, deliveriesDone, attemptTime}
}
