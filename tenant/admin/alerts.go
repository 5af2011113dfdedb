package admin

import (
	"context"
	"fmt"
	"time"
)

// Kinds of alerts.
const (
	// RecallBelowObjective: a collection's index finds less than its tenant is to have.
	RecallBelowObjective = "recall_below_objective"
)

// Alert is something that an operator should look at. It goes away by itself when it is over.
type Alert struct {
	Kind       string    `json:"kind"`
	TenantID   string    `json:"tenant_id"`
	Tenant     string    `json:"tenant"` // slug
	Collection string    `json:"collection,omitempty"`
	Since      time.Time `json:"since"`
	Detail     string    `json:"detail"`
}

// Alerts returns what is wrong at the moment, by tenant.
func (s *Service) Alerts(ctx context.Context) ([]Alert, error) {
	readings, err := s.cfg.Platform.Recalls(ctx)
	if err != nil {
		return nil, err
	}
	alerts := []Alert{}
	for _, r := range readings {
		if r.BelowSince == nil {
			continue
		}
		alerts = append(alerts, Alert{
			Kind: RecallBelowObjective, TenantID: r.Tenant.String(), Tenant: r.Slug, Collection: r.Collection, Since: *r.BelowSince,
			Detail: fmt.Sprintf("recall %.3f of %d queries is below the objective of %.3f; the index is searched with ef_search %d",
				r.Recall, r.Queries, r.Objective, r.EfSearch),
		})
	}
	return alerts, nil
}
