package postgres

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lindero/search/lexical/cache"
	"lindero/store"
)

var (
	moves = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lindero_placement_moves_total",
		Help: "Collections moved: promotion to a slot of their own with an index, demotion back to the exactly scanned ones, rebuild of an index in another slot.",
	}, []string{"kind"})
	stepSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "lindero_placement_step_seconds", Help: "Duration of one step of a move.",
		Buckets: prometheus.ExponentialBuckets(0.01, 4, 9),
	}, []string{"step"})
	stepFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lindero_placement_failures_total", Help: "Steps of a move that failed; they are repeated.",
	}, []string{"step"})
	shortSearches = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_search_short_total", Help: "Searches whose index found fewer chunks than were wanted and which were repeated by scanning.",
	})
	outdatedViews = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_lexical_cache_outdated_total", Help: "Searches ranked by postings in memory of a collection that had changed; they were ranked again by what the database has.",
	})
	mergedChunks = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_lexical_merged_chunks_total", Help: "Chunks whose postings were rewritten by merging segments; beside lindero_ingest_chunks_total, how often each is.",
	})
	mergeSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "lindero_lexical_merge_seconds", Help: "Duration of one merge of lexical segments.",
		Buckets: prometheus.ExponentialBuckets(0.01, 3, 9),
	})
	capReached = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lindero_placement_cap_reached_total", Help: "Promotions put off because all slots of their own are taken.",
	})
)

// Collectors are the package's metrics.
func Collectors() []prometheus.Collector {
	return append(cache.Collectors(), moves, stepSeconds, stepFailures, capReached, shortSearches, outdatedViews, mergedChunks, mergeSeconds)
}

func observeStep(state string, started time.Time, err error) {
	if state == settled {
		state = "decide"
	}
	if err != nil && !errors.Is(err, errOvertaken) {
		stepFailures.WithLabelValues(state).Inc()
		return
	}
	stepSeconds.WithLabelValues(state).Observe(time.Since(started).Seconds())
}

func (m *merger) observe(began time.Time) {
	mergedChunks.Add(float64(m.rewritten))
	mergeSeconds.Observe(time.Since(began).Seconds())
}

func observeMove(source, target int) {
	kind := "demotion"
	switch {
	case source >= store.FirstOwnSlot && target >= store.FirstOwnSlot:
		kind = "rebuild"
	case target >= store.FirstOwnSlot:
		kind = "promotion"
	}
	moves.WithLabelValues(kind).Inc()
}
