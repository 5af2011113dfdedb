package crosstenant

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"lindero/store"
	"lindero/store/postgres"
)

// Recalls returns the last measurement of every collection that has one, by tenant and name.
func (p *Platform) Recalls(ctx context.Context) ([]store.RecallReading, error) {
	rows, err := p.pool.Query(ctx, `SELECT tenant_id, slug, collection, recall, objective, queries, ef_search, below_since, measured_at FROM recall_report()`)
	if err != nil {
		return nil, postgres.Translate(err)
	}
	readings, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r store.RecallReading, err error) {
		return r, row.Scan(&r.Tenant, &r.Slug, &r.Collection, &r.Recall, &r.Objective, &r.Queries, &r.EfSearch, &r.BelowSince, &r.MeasuredAt)
	})
	return readings, postgres.Translate(err)
}

// scrapeTimeout keeps a database that is away from holding up the other metrics.
const scrapeTimeout = 3 * time.Second

var (
	recallMetric = prometheus.NewDesc("lindero_recall",
		"Recall of a collection's index as last measured on the tenant's own data.", []string{"tenant", "collection"}, nil)
	objectiveMetric = prometheus.NewDesc("lindero_recall_objective",
		"Recall that the tenant is to have.", []string{"tenant", "collection"}, nil)
)

// recallCollector reads the figures when they are asked for: whichever process measured them, all tell the same.
type recallCollector struct {
	platform *Platform
	log      *slog.Logger
}

// Collector makes the metrics of recall. The tenant is labelled by its id.
func (p *Platform) Collector(log *slog.Logger) prometheus.Collector {
	return recallCollector{platform: p, log: log}
}

// Describe implements prometheus.Collector.
func (c recallCollector) Describe(to chan<- *prometheus.Desc) {
	to <- recallMetric
	to <- objectiveMetric
}

// Collect implements prometheus.Collector.
func (c recallCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	readings, err := c.platform.Recalls(ctx)
	if err != nil {
		c.log.Warn("the recall of the collections could not be read for the metrics", "error", err)
		return
	}
	for _, r := range readings {
		to <- prometheus.MustNewConstMetric(recallMetric, prometheus.GaugeValue, r.Recall, r.Tenant.String(), r.Collection)
		to <- prometheus.MustNewConstMetric(objectiveMetric, prometheus.GaugeValue, r.Objective, r.Tenant.String(), r.Collection)
	}
}
