package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of a webhook delivery.
const (
	WebhookSignatureHeader = "Lindero-Signature"
	WebhookDeliveryHeader  = "Lindero-Delivery" // the same in every attempt: tells repetitions
	WebhookEventHeader     = "Lindero-Event"
)

// WebhookTolerance is how far a delivery's time may be from the receiver's unless it says otherwise.
const WebhookTolerance = 5 * time.Minute

// What VerifyWebhook refuses.
var (
	ErrWebhookSignature = errors.New("the delivery is not signed with this secret")
	ErrWebhookTime      = errors.New("the delivery was signed too long ago, or the clocks differ")
)

// WebhookEvent is the body of a delivery.
type WebhookEvent struct {
	ID        string    `json:"id"` // of the delivery, as in its header
	Event     string    `json:"event"`
	CreatedAt time.Time `json:"created_at"`
	// Operation is as it was when it ended. Which documents failed is not told: ask Client.Operation.
	Operation Operation `json:"operation"`
}

// VerifyWebhook proves that body, as it was received byte for byte, is a delivery signed with the webhook's secret
// not longer than tolerance ago (0: WebhookTolerance), and decodes it. An honest delivery may come more than once:
// keep the ids of those that were dealt with for a day or two, and take a known one without doing anything.
func VerifyWebhook(secret string, header http.Header, body []byte, tolerance time.Duration) (WebhookEvent, error) {
	if tolerance == 0 {
		tolerance = WebhookTolerance
	}
	if err := verifySignature(secret, header.Get(WebhookSignatureHeader), body, time.Now(), tolerance); err != nil {
		return WebhookEvent{}, err
	}
	var event WebhookEvent
	if err := json.Unmarshal(body, &event); err != nil {
		return WebhookEvent{}, fmt.Errorf("the delivery is signed, but not the JSON that was expected: %w", err)
	}
	return event, nil
}

// verifySignature checks t=<unix seconds>,v1=<hex>. Several v1 may stand there; unknown parts are passed over.
func verifySignature(secret, signature string, body []byte, now time.Time, tolerance time.Duration) error {
	if secret == "" {
		return ErrWebhookSignature // anybody could have signed with it
	}
	var signed string
	var candidates [][]byte
	for part := range strings.SplitSeq(signature, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			signed = value
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil {
				candidates = append(candidates, mac)
			}
		}
	}
	seconds, err := strconv.ParseInt(signed, 10, 64)
	if err != nil {
		return ErrWebhookSignature
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed + "."))
	mac.Write(body)
	want := mac.Sum(nil)
	for _, candidate := range candidates {
		if hmac.Equal(want, candidate) {
			if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
				return ErrWebhookTime
			}
			return nil
		}
	}
	return ErrWebhookSignature
}
