package store

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"lindero/fault"
)

const (
	maxWebhookURL    = 2048
	minWebhookSecret = 16 // characters; fewer could be guessed from one signed delivery
	maxWebhookSecret = 256
)

var webhookEvents = []string{EventOperationFinished}

// Validate refuses a spec that breaks a rule. Where the URL's host may lie is package webhook's to judge.
func (s WebhookSpec) Validate() error {
	if err := validateWebhookURL(s.URL); err != nil {
		return err
	}
	if len(s.Events) == 0 {
		return fault.InvalidField("body.events", nil, "must name at least one event, such as %s", EventOperationFinished)
	}
	for i, event := range s.Events {
		location := "body.events[" + strconv.Itoa(i) + "]"
		if !slices.Contains(webhookEvents, event) {
			return fault.InvalidField(location, shorten(event), "must be one of: %s", strings.Join(webhookEvents, ", "))
		}
		if slices.Contains(s.Events[:i], event) {
			return fault.InvalidField(location, event, "is named twice")
		}
	}
	return validateWebhookSecret(s.Secret)
}

func validateWebhookURL(raw string) error {
	refuse := func(format string, args ...any) error { return fault.InvalidField("body.url", nil, format, args...) }
	if len(raw) > maxWebhookURL {
		return refuse("must have at most %d bytes", maxWebhookURL)
	}
	if !utf8.ValidString(raw) || strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return refuse("must not have blanks or control characters")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Opaque != "":
		return refuse("must look like https://example.com/path")
	case u.User != nil:
		return refuse("must not carry a user name or password; deliveries are signed instead")
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return refuse("must not have a fragment")
	case !webhookPort(u.Port()) || strings.HasSuffix(u.Host, ":"):
		return refuse("must use port 80, 443 or one from 1024 on")
	}
	return nil
}

// webhookPort keeps deliveries from the ports of other protocols' services.
func webhookPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.Atoi(port)
	return err == nil && n <= 65535 && (n == 80 || n == 443 || n >= 1024)
}

func validateWebhookSecret(secret string) error {
	if secret == "" {
		return nil
	}
	if n := len(secret); n < minWebhookSecret || n > maxWebhookSecret {
		return fault.InvalidField("body.secret", nil, "must have %d to %d characters; leave it out to have one made", minWebhookSecret, maxWebhookSecret)
	}
	if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fault.InvalidField("body.secret", nil, "must be printable ASCII without blanks")
	}
	return nil
}
