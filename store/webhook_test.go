package store

import (
	"strings"
	"testing"
	"time"

	"lindero/fault"
)

func TestWebhookSpec(t *testing.T) {
	t.Parallel()
	long := "https://example.com/" + strings.Repeat("x", maxWebhookURL)
	for _, url := range []string{
		"https://example.com", "http://example.com/a?b=c", "https://example.com:443/", "https://example.com:8443/x", "http://example.com:80",
		"https://[2606:4700::1]:1024/", "HTTPS://EXAMPLE.COM/", "https://bücher.example/ñ", long[:maxWebhookURL],
	} {
		if err := (WebhookSpec{URL: url, Events: []string{EventOperationFinished}}).Validate(); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, url := range []string{
		"", "example.com", "/path", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "http:example.com",
		"https://", "https:///path", "https://user@example.com/", "https://user:password@example.com/", "https://:p@example.com/",
		"https://example.com/#part", "https://example.com/#", "https://example.com:22/", "https://example.com:25/", "https://example.com:0/", "https://example.com:65536/",
		"https://example.com:/", "https://example.com:1e4/", "https://exa mple.com/", "https://example.com/\n", "https://example.com/\x00", "https://example.com/\xff", " https://example.com", "http://[::1", long,
	} {
		err := (WebhookSpec{URL: url, Events: []string{EventOperationFinished}}).Validate()
		if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "invalid_request: body.url") {
			t.Errorf("%q: %v", url, err)
		}
	}
	const url = "https://example.com"
	for name, spec := range map[string]WebhookSpec{
		"no events":      {URL: url},
		"unknown event":  {URL: url, Events: []string{"operation.started"}},
		"twice":          {URL: url, Events: []string{EventOperationFinished, EventOperationFinished}},
		"short secret":   {URL: url, Events: []string{EventOperationFinished}, Secret: "short"},
		"long secret":    {URL: url, Events: []string{EventOperationFinished}, Secret: strings.Repeat("x", maxWebhookSecret+1)},
		"blank secret":   {URL: url, Events: []string{EventOperationFinished}, Secret: "sixteen characters"},
		"foreign secret": {URL: url, Events: []string{EventOperationFinished}, Secret: "ñandú-ñandú-ñandú"},
	} {
		if err := spec.Validate(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (WebhookSpec{URL: url, Events: []string{EventOperationFinished}, Secret: strings.Repeat("x", minWebhookSecret)}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestWebhookStatus(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]WebhookStatus{0: WebhookFailing, 71 * time.Hour: WebhookFailing, 72 * time.Hour: WebhookBroken, 1000 * time.Hour: WebhookBroken} {
		if got := (Webhook{FailingSince: &since}).Status(since.Add(after)); got != want {
			t.Errorf("after %v: %s", after, got)
		}
	}
	if got := (Webhook{}).Status(since); got != WebhookActive {
		t.Errorf("without failures: %s", got)
	}
}
