package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
)

type webhookView struct {
	ID           string              `json:"id"`
	URL          string              `json:"url"`
	Events       []string            `json:"events" nullable:"false"`
	Secret       string              `json:"secret,omitempty" doc:"Signs the deliveries; shown this once"`
	Status       store.WebhookStatus `json:"status" enum:"active,failing,broken" doc:"failing: the last attempt failed; broken: none has got through for three days. Deliveries go on in each state."`
	FailingSince *time.Time          `json:"failing_since,omitempty" doc:"When the first attempt failed after which none got through"`
	Pending      int64               `json:"pending" doc:"Deliveries that are still to get through, counted up to 1000"`
	Deliveries   []deliveryView      `json:"deliveries" nullable:"false" doc:"The last ten outcomes, the newest first"`
	CreatedAt    time.Time           `json:"created_at"`
}

type deliveryView struct {
	ID             string               `json:"id" doc:"Header Lindero-Delivery; the same in every attempt"`
	Event          string               `json:"event"`
	OperationID    string               `json:"operation_id"`
	Status         store.DeliveryStatus `json:"status" enum:"pending,delivered,failed" doc:"failed: given up"`
	Attempts       int                  `json:"attempts"`
	ResponseStatus int                  `json:"response_status,omitempty" doc:"HTTP status of the last attempt, when there was an answer"`
	Error          *deliveryError       `json:"error,omitempty" doc:"Why the last attempt failed"`
	CreatedAt      time.Time            `json:"created_at"`
	OutcomeAt      time.Time            `json:"outcome_at" doc:"When the last attempt ended, or the delivery was given up"`
	NextAttemptAt  *time.Time           `json:"next_attempt_at,omitempty" doc:"While it is pending"`
}

type deliveryError struct {
	Code   string `json:"code" doc:"address, connection, tls, timeout, status, redirect, request, secret or expired"`
	Detail string `json:"detail"`
}

// viewWebhook shows a webhook at a time.
func viewWebhook(now time.Time) func(store.Webhook) webhookView {
	return func(w store.Webhook) webhookView {
		view := webhookView{
			ID: w.ID.String(), URL: w.URL, Events: w.Events, Status: w.Status(now), FailingSince: w.FailingSince,
			Pending: w.Pending, Deliveries: make([]deliveryView, len(w.Deliveries)), CreatedAt: w.CreatedAt,
		}
		for i, d := range w.Deliveries {
			view.Deliveries[i] = viewDelivery(d)
		}
		return view
	}
}

func viewDelivery(d store.WebhookDelivery) deliveryView {
	view := deliveryView{
		ID: d.ID.String(), Event: d.Event, OperationID: d.OperationID.String(), Status: d.Status, Attempts: d.Attempts,
		ResponseStatus: d.ResponseStatus, CreatedAt: d.CreatedAt, OutcomeAt: d.OutcomeAt,
	}
	if d.ErrorCode != "" {
		view.Error = &deliveryError{d.ErrorCode, d.ErrorDetail}
	}
	if d.Status == store.DeliveryPending {
		view.NextAttemptAt = &d.DueAt
	}
	return view
}

type webhookBody struct {
	URL    string   `json:"url" maxLength:"2048" doc:"http or https, on port 80, 443 or one from 1024 on, leading to a public address"`
	Events []string `json:"events" nullable:"false" minItems:"1" enum:"operation.finished"`
	Secret string   `json:"secret,omitempty" minLength:"16" maxLength:"256" doc:"Printable ASCII; one is made when it is left out"`
}

type webhookPath struct {
	ID string `path:"id"`
}

func (s *server) webhookRoutes() {
	handle(s, route{method: http.MethodGet, path: "/v1/webhooks", id: "list-webhooks", role: tenant.Admin,
		summary: "List webhooks with their last outcomes"}, s.listWebhooks)
	handleJSON(s, route{method: http.MethodPost, path: "/v1/webhooks", id: "create-webhook", role: tenant.Admin, status: http.StatusCreated,
		summary: "Be told when operations end",
		doc: "Each event is posted to the URL as JSON with `Lindero-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of t, a dot and the body>`. " +
			"An answer 2xx takes it; anything else, within ten seconds or not, is tried again for about a day. " +
			"It may come more than once: `Lindero-Delivery` is the same each time. The secret is in this answer and nowhere else."}, s.createWebhook)
	handle(s, route{method: http.MethodDelete, path: "/v1/webhooks/{id}", id: "delete-webhook", role: tenant.Admin,
		summary: "Remove a webhook", doc: "With it go the deliveries that wait."}, s.deleteWebhook)
}

func (s *server) listWebhooks(ctx context.Context, in *PageParams) (*answer[page[webhookView]], error) {
	st := s.storage(ctx)
	fetch := func(p store.Page) (store.Listing[store.Webhook], error) { return st.Webhooks(ctx, p) }
	return list(s, listName(ctx, "webhooks"), *in, fetch, viewWebhook(time.Now()))
}

func (s *server) createWebhook(ctx context.Context, _ *none, body *webhookBody) (*answer[webhookView], error) {
	spec := store.WebhookSpec{URL: body.URL, Events: body.Events, Secret: body.Secret}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if err := s.cfg.Webhooks.CheckURL(spec.URL); err != nil {
		return nil, err
	}
	w, secret, err := s.storage(ctx).CreateWebhook(ctx, spec)
	if err != nil {
		return nil, err
	}
	view := viewWebhook(time.Now())(w)
	view.Secret = secret
	return &answer[webhookView]{Body: view}, nil
}

func (s *server) deleteWebhook(ctx context.Context, in *webhookPath) (*none, error) {
	id, err := uuid.Parse(in.ID)
	if err != nil || id.String() != in.ID {
		return nil, fault.New(fault.NotFound, "webhook %s does not exist", in.ID)
	}
	return &none{}, s.storage(ctx).DeleteWebhook(ctx, id)
}
