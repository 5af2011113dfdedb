package store

import (
	"time"

	"github.com/google/uuid"
)

// EventOperationFinished is told when an operation has reached a final state, whichever.
const EventOperationFinished = "operation.finished"

// WebhookSpec is what a caller says of a new webhook.
type WebhookSpec struct {
	URL    string
	Events []string
	Secret string // signs the deliveries; empty: one is made
}

// MaxWebhooks is how many webhooks a tenant may have.
const MaxWebhooks = 20

// Webhook is an address that a tenant wants to be told of events at.
type Webhook struct {
	ID        uuid.UUID
	URL       string
	Events    []string
	CreatedAt time.Time
	// FailingSince is when the first attempt failed after which none got through; nil: the last one did.
	FailingSince *time.Time
	Pending      int64             // deliveries that are still to get through; counted up to 1,000
	Deliveries   []WebhookDelivery // the last ten outcomes, newest first
}

// WebhookStatus sums up whether deliveries get through.
type WebhookStatus string

// The states of a webhook. None of them stops deliveries.
const (
	WebhookActive  WebhookStatus = "active"  // the last attempt got through, or there was none
	WebhookFailing WebhookStatus = "failing" // the last attempts failed
	WebhookBroken  WebhookStatus = "broken"  // none has got through for brokenAfter: somebody should look
)

const brokenAfter = 72 * time.Hour

// Status is the webhook's state at a time.
func (w Webhook) Status(now time.Time) WebhookStatus {
	switch {
	case w.FailingSince == nil:
		return WebhookActive
	case now.Sub(*w.FailingSince) < brokenAfter:
		return WebhookFailing
	}
	return WebhookBroken
}

// DeliveryStatus is how far a delivery has come.
type DeliveryStatus string

// The states of a delivery. The last two are final.
const (
	DeliveryPending   DeliveryStatus = "pending"   // an attempt is to come
	DeliveryDelivered DeliveryStatus = "delivered" // the receiver answered 2xx
	DeliveryFailed    DeliveryStatus = "failed"    // given up
)

// WebhookDelivery is one event on its way to one webhook, as its tenant sees it after an attempt.
type WebhookDelivery struct {
	ID             uuid.UUID      `json:"id"` // the same in every attempt
	Event          string         `json:"event"`
	OperationID    uuid.UUID      `json:"operation_id"`
	Status         DeliveryStatus `json:"status"`
	Attempts       int            `json:"attempts"`
	ResponseStatus int            `json:"response_status"` // HTTP status of the last attempt; 0: no answer
	ErrorCode      string         `json:"error_code"`      // why the last attempt failed; empty: it did not
	ErrorDetail    string         `json:"error_detail"`
	CreatedAt      time.Time      `json:"created_at"`
	OutcomeAt      time.Time      `json:"outcome_at"` // of the last attempt, or when it was given up
	DueAt          time.Time      `json:"due_at"`     // of the next attempt, while it is pending
}

// DueDelivery is a delivery to be attempted now.
type DueDelivery struct {
	ID        uuid.UUID
	WebhookID uuid.UUID
	URL       string
	Secret    string // empty: it cannot be read any more, because the deployment's secret has changed
	Event     string
	Operation FinishedOperation
	CreatedAt time.Time
	Attempts  int           // made so far
	Age       time.Duration // since CreatedAt, by the database's clock
	Failing   bool          // the webhook's last attempt failed: one attempt at a time
}

// FinishedOperation is an operation as it was when it ended. Webhooks are told this and no more, so that neither
// texts nor names of documents leave the service for an address that nobody has proven to be the tenant's.
type FinishedOperation struct {
	ID         uuid.UUID       `json:"id"`
	Kind       string          `json:"kind"`
	Status     OperationStatus `json:"status"`
	Total      int64           `json:"total"`
	Done       int64           `json:"done"`
	Failed     int64           `json:"failed"`
	CreatedAt  time.Time       `json:"created_at"`
	StartedAt  *time.Time      `json:"started_at"`
	FinishedAt time.Time       `json:"finished_at"`
}

// DeliveryOutcome is how an attempt ended.
type DeliveryOutcome struct {
	Delivered      bool
	ResponseStatus int           // 0: no answer
	Code, Detail   string        // of a failure
	Retry          time.Duration // until the next attempt; 0 after a failure: give up
}
