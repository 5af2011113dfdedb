package api

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the HTTP measures. The tenant stands on a counter only: on histograms it would multiply series.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	tenants  *prometheus.CounterVec
	inFlight prometheus.Gauge
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lindero_http_requests_total", Help: "Answered requests."}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lindero_http_request_duration_seconds", Help: "Time from the first byte in to the last byte out.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}, []string{"method", "route"}),
		tenants: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lindero_tenant_requests_total", Help: "Answered requests with a tenant's credential."}, []string{"tenant"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lindero_http_requests_in_flight", Help: "Requests being answered."}),
	}
	registry.MustRegister(m.requests, m.duration, m.tenants, m.inFlight)
	return m
}

var knownMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

func (m *metrics) observe(method, route string, status int, took time.Duration) {
	if !slices.Contains(knownMethods, method) {
		method = "other" // a caller must not make series
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(method, route).Observe(took.Seconds())
}
