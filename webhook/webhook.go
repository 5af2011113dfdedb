// Package webhook says what a delivery looks like, when it is tried again and where it may go, and sends it. It
// knows no storage: ingest/jobs brings the two together.
//
// Addresses come from tenants, so everything about the receiver is hostile: Policy judges each address a connection
// is about to be made to, after its name was resolved, and Sender bounds time, size and what a failure reveals.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"lindero/store"
)

// Headers of a delivery.
const (
	SignatureHeader = "Lindero-Signature" // t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">
	DeliveryHeader  = "Lindero-Delivery"  // the same in every attempt: receivers know repetitions by it
	EventHeader     = "Lindero-Event"
)

// payload is the body of a delivery. Part of the HTTP contract; client.WebhookEvent reads it.
type payload struct {
	ID        string    `json:"id"`
	Event     string    `json:"event"`
	CreatedAt time.Time `json:"created_at"`
	Operation operation `json:"operation"`
}

type operation struct {
	ID         string                `json:"id"`
	Kind       string                `json:"kind"`
	Status     store.OperationStatus `json:"status"`
	Counts     counts                `json:"counts"`
	CreatedAt  time.Time             `json:"created_at"`
	StartedAt  *time.Time            `json:"started_at"`
	FinishedAt time.Time             `json:"finished_at"`
}

type counts struct {
	Total  int64 `json:"total"`
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"`
}

// Body renders a delivery; every attempt has the same.
func Body(d store.DueDelivery) ([]byte, error) {
	o := d.Operation
	body, err := json.Marshal(payload{
		ID: d.ID.String(), Event: d.Event, CreatedAt: d.CreatedAt.UTC(),
		Operation: operation{
			ID: o.ID.String(), Kind: o.Kind, Status: o.Status, Counts: counts{o.Total, o.Done, o.Failed},
			CreatedAt: o.CreatedAt, StartedAt: o.StartedAt, FinishedAt: o.FinishedAt,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("render the delivery: %w", err)
	}
	return body, nil
}

// Sign is the value of SignatureHeader. The time is part of what is signed, so that a recorded delivery cannot be
// replayed for ever.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
