package client

import (
	"context"
	"net/http"
	"time"
)

// Alert is something that an operator should look at; it goes away by itself when it is over.
type Alert struct {
	Kind       string    `json:"kind"` // recall_below_objective
	TenantID   string    `json:"tenant_id"`
	Tenant     string    `json:"tenant"` // slug
	Collection string    `json:"collection,omitempty"`
	Since      time.Time `json:"since"`
	Detail     string    `json:"detail"`
}

// Alerts returns what is wrong at the moment, by tenant.
func (p Platform) Alerts(ctx context.Context) ([]Alert, error) {
	var out page[Alert]
	err := p.client.do(ctx, call{method: http.MethodGet, path: "/admin/v1/alerts"}, &out)
	return out.Data, err
}
