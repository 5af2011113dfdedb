package search

import (
	"context"
	"log/slog"
	"time"
)

// logSlow tells operators of a search that took long: whose it was, what kind, and its own explanation. Words of the
// query are the tenant's and stay out, unless the operator wants them.
func (s *Service) logSlow(ctx context.Context, r *run, took time.Duration, err error) {
	if s.cfg.SlowSearch <= 0 || took < s.cfg.SlowSearch {
		return
	}
	attributes := []slog.Attr{
		slog.Float64("took_ms", float64(took.Microseconds())/1000), slog.String("tenant", r.tenant.String()), slog.String("mode", r.q.mode), slog.Int("top_k", r.q.topK),
		slog.Int("offset", r.q.offset), slog.Bool("filter", r.q.filter != nil), slog.Bool("exact", r.q.exact), slog.Bool("by_document", r.q.byDocument),
		slog.Any("explain", r.slowExplain()),
	}
	if s.cfg.SlowSearchText {
		attributes = append(attributes, slog.String("query", r.q.query))
	}
	if err != nil {
		attributes = append(attributes, slog.Any("error", err))
	}
	s.cfg.Log.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "slow search", attributes...)
}

// slowExplain is the explanation with ids of collections for their names and, as a rule, without the query's terms.
func (r *run) slowExplain() Explain {
	explained := r.explain
	explained.Legs = make([]ExplainLeg, len(r.explain.Legs))
	for i, leg := range r.explain.Legs {
		if !r.service.cfg.SlowSearchText {
			leg.Terms = nil
		}
		for _, target := range r.targets {
			if target.Collection.Name == leg.Collection {
				leg.Collection = target.Collection.ID.String()
				break
			}
		}
		explained.Legs[i] = leg
	}
	explained.Mode = r.mode()
	return explained
}
