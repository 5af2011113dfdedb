package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// EventOperationFinished tells of an operation that has ended, whichever way.
const EventOperationFinished = "operation.finished"

// WebhookSpec is what a new webhook is to be.
type WebhookSpec struct {
	URL    string   `json:"url"`
	Events []string `json:"events"`
	// Secret signs the deliveries: 16 to 256 printable characters. One is made when it is empty.
	Secret string `json:"secret,omitempty"`
}

// Webhook is an address that is told of events. Secret is set only in the answer that made it.
type Webhook struct {
	ID           string            `json:"id"`
	URL          string            `json:"url"`
	Events       []string          `json:"events"`
	Secret       string            `json:"secret,omitempty"`
	Status       string            `json:"status"` // active, failing, or broken: nothing has got through for three days
	FailingSince *time.Time        `json:"failing_since,omitempty"`
	Pending      int64             `json:"pending"`    // deliveries still to get through, counted up to 1000
	Deliveries   []WebhookDelivery `json:"deliveries"` // the last ten outcomes, the newest first
	CreatedAt    time.Time         `json:"created_at"`
}

// WebhookDelivery is one event on its way to one webhook, after an attempt.
type WebhookDelivery struct {
	ID             string                `json:"id"` // the same in every attempt
	Event          string                `json:"event"`
	OperationID    string                `json:"operation_id"`
	Status         string                `json:"status"` // pending, delivered, or failed: given up
	Attempts       int                   `json:"attempts"`
	ResponseStatus int                   `json:"response_status,omitempty"` // 0: there was no answer
	Error          *WebhookDeliveryError `json:"error,omitempty"`           // why the last attempt failed
	CreatedAt      time.Time             `json:"created_at"`
	OutcomeAt      time.Time             `json:"outcome_at"`
	NextAttemptAt  *time.Time            `json:"next_attempt_at,omitempty"`
}

// WebhookDeliveryError says why an attempt failed.
type WebhookDeliveryError struct {
	Code   string `json:"code"` // address, connection, tls, timeout, status, redirect, request, secret or expired
	Detail string `json:"detail"`
}

// Webhooks goes through the tenant's webhooks with their last outcomes. Needs the role admin, as do the other
// methods on webhooks.
func (c *Client) Webhooks(ctx context.Context) iter.Seq2[Webhook, error] {
	return list[Webhook](ctx, c, "/v1/webhooks", nil)
}

// CreateWebhook makes a webhook; its secret is in the answer and nowhere else.
func (c *Client) CreateWebhook(ctx context.Context, spec WebhookSpec) (Webhook, error) {
	request, err := jsonCall(http.MethodPost, "/v1/webhooks", spec)
	if err != nil {
		return Webhook{}, err
	}
	request.once = true // sent twice it would leave a webhook whose secret nobody knows
	var out Webhook
	return out, c.do(ctx, request, &out)
}

// DeleteWebhook removes a webhook with the deliveries that wait.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: "/v1/webhooks/" + url.PathEscape(id)}, nil)
}
