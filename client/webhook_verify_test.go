package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mac(secret, signed, body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(signed + "." + body))
	return hex.EncodeToString(m.Sum(nil))
}

func TestVerifySignature(t *testing.T) {
	t.Parallel()
	const secret, body = "whsec_0123456789", `{"id":"1"}`
	now := time.Unix(1_700_000_000, 0)
	at := strconv.FormatInt(now.Unix(), 10)
	good := mac(secret, at, body)
	stale := strconv.FormatInt(now.Unix()-301, 10)
	early := strconv.FormatInt(now.Unix()+301, 10)
	for name, c := range map[string]struct {
		secret, signature, body string
		want                    error
	}{
		"good":                        {secret, "t=" + at + ",v1=" + good, body, nil},
		"other order, blanks":         {secret, "v1=" + good + ", t=" + at, body, nil},
		"one of two signatures":       {secret, "t=" + at + ",v1=" + strings.Repeat("00", 32) + ",v1=" + good + ",v2=x", body, nil},
		"upper-case hex":              {secret, "t=" + at + ",v1=" + strings.ToUpper(good), body, nil},
		"another secret":              {"whsec_another", "t=" + at + ",v1=" + good, body, ErrWebhookSignature},
		"no secret":                   {"", "t=" + at + ",v1=" + mac("", at, body), body, ErrWebhookSignature},
		"another body":                {secret, "t=" + at + ",v1=" + good, body + " ", ErrWebhookSignature},
		"another time":                {secret, "t=" + at + "0,v1=" + good, body, ErrWebhookSignature},
		"too old":                     {secret, "t=" + stale + ",v1=" + mac(secret, stale, body), body, ErrWebhookTime},
		"from the future":             {secret, "t=" + early + ",v1=" + mac(secret, early, body), body, ErrWebhookTime},
		"old and forged tells forged": {secret, "t=" + stale + ",v1=" + good, body, ErrWebhookSignature},
		"cut":                         {secret, "t=" + at + ",v1=" + good[:62], body, ErrWebhookSignature},
		"empty":                       {secret, "", body, ErrWebhookSignature},
		"no time":                     {secret, "v1=" + good, body, ErrWebhookSignature},
		"no signature":                {secret, "t=" + at, body, ErrWebhookSignature},
		"only another version":        {secret, "t=" + at + ",v2=" + good, body, ErrWebhookSignature},
		"time is a word":              {secret, "t=now,v1=" + mac(secret, "now", body), body, ErrWebhookSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := verifySignature(c.secret, c.signature, []byte(c.body), now, WebhookTolerance); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestNothingElseVerifies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		signature := rapid.OneOf(rapid.String(), rapid.StringMatching(`t=[0-9]{1,12}(,v1=[0-9a-f]{0,64}){0,3}`)).Draw(t, "signature")
		if err := verifySignature("whsec_secret-secret", signature, []byte("{}"), time.Unix(0, 0), 1<<62); err == nil {
			t.Fatalf("%q verifies", signature)
		}
	})
}

func TestVerifiedEventIsDecoded(t *testing.T) {
	t.Parallel()
	const secret = "whsec_0123456789"
	header := func(body string) http.Header {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		return http.Header{WebhookSignatureHeader: {"t=" + at + ",v1=" + mac(secret, at, body)}}
	}
	body := `{"id":"d","event":"operation.finished","operation":{"id":"o","status":"failed","counts":{"total":2,"done":2,"failed":2}}}`
	event, err := VerifyWebhook(secret, header(body), []byte(body), 0)
	if err != nil || event.ID != "d" || event.Operation.ID != "o" || !event.Operation.Final() || event.Operation.Counts.Failed != 2 {
		t.Errorf("%+v, %v", event, err)
	}
	if _, err := VerifyWebhook(secret, header("no JSON"), []byte("no JSON"), 0); err == nil || errors.Is(err, ErrWebhookSignature) {
		t.Errorf("signed, but no JSON: %v", err)
	}
}

// A receiver of webhooks: it believes what is signed, answers soon, and deals with each delivery once.
func ExampleVerifyWebhook() {
	const secret = "whsec_as-shown-when-the-webhook-was-made"
	known := map[string]bool{} // in real life a table with the delivery's id as its key
	receive := func(header http.Header, body []byte) int {
		event, err := VerifyWebhook(secret, header, body, 0)
		if err != nil {
			return http.StatusUnauthorized
		}
		if !known[event.ID] {
			known[event.ID] = true
			fmt.Println(event.Operation.ID, event.Operation.Status)
		}
		return http.StatusNoContent
	}
	body := `{"id":"d1","event":"operation.finished","operation":{"id":"o1","status":"succeeded"}}`
	at := strconv.FormatInt(time.Now().Unix(), 10)
	header := http.Header{WebhookSignatureHeader: {"t=" + at + ",v1=" + mac(secret, at, body)}}
	fmt.Println(receive(header, []byte(body)))
	fmt.Println(receive(header, []byte(body))) // the same again
	fmt.Println(receive(http.Header{}, []byte(body)))
	// Output:
	// o1 succeeded
	// 204
	// 204
	// 401
}
