package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"lindero/store"
)

const (
	attemptTimeout = 10 * time.Second
	connectTimeout = 5 * time.Second
	// maxAnswer is how much of an answer is read, for the receiver's sake: only the status counts.
	maxAnswer  = 4 << 10
	maxHeaders = 16 << 10
)

// Config is what a Sender needs; everything has a default.
type Config struct {
	Policy   Policy
	Resolver *net.Resolver    // nil: the system's
	Timeout  time.Duration    // of one attempt, from the look-up of the name to the status; 0: ten seconds
	Now      func() time.Time // dates the signatures; nil: time.Now
}

// Sender makes attempts. It is safe for concurrent use.
type Sender struct {
	client  *http.Client
	timeout time.Duration
	now     func() time.Time
}

// NewSender prepares a Sender; it connects to nothing yet.
func NewSender(cfg Config) *Sender {
	if cfg.Timeout == 0 {
		cfg.Timeout = attemptTimeout
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	dialer := &net.Dialer{Timeout: connectTimeout, Resolver: cfg.Resolver, Control: cfg.Policy.control}
	return &Sender{timeout: cfg.Timeout, now: cfg.Now, client: &http.Client{
		Transport: &http.Transport{
			Proxy:       nil, // a proxy would resolve and connect by its own rules
			DialContext: dialer.DialContext,
			// Each attempt connects anew, so that each is judged, and no tenant can tell by the time an attempt takes
			// that a neighbour has the same receiver.
			DisableKeepAlives:      true,
			TLSHandshakeTimeout:    connectTimeout,
			MaxResponseHeaderBytes: maxHeaders,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var errAddress = errors.New("deliveries may not go to this address")

// control is called with the address a connection is about to be made to, after the name was resolved: a name
// that meant another address a moment ago does not get past it.
func (p Policy) control(network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") || !p.Permits(target.Addr()) {
		return errAddress
	}
	return nil
}

// Send makes one attempt. Retry of the outcome is what the receiver asked for; RetryAfter decides.
func (s *Sender) Send(ctx context.Context, d store.DueDelivery) store.DeliveryOutcome {
	if d.Secret == "" {
		return failure("secret", "the webhook's secret cannot be read any more; remove the webhook and add it again")
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	request, err := s.request(ctx, d)
	if err != nil {
		return failure("request", "the delivery could not be made into a request")
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return explain(err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // a receiver may have trouble with one who hangs up at the status
	return s.judge(answer)
}

func (s *Sender) request(ctx context.Context, d store.DueDelivery) (*http.Request, error) {
	body, err := Body(d)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Lindero-Webhook")
	request.Header.Set(EventHeader, d.Event)
	request.Header.Set(DeliveryHeader, d.ID.String())
	request.Header.Set(SignatureHeader, Sign(d.Secret, s.now(), body))
	return request, nil
}

func (s *Sender) judge(answer *http.Response) store.DeliveryOutcome {
	status := answer.StatusCode
	if status >= 200 && status < 300 {
		return store.DeliveryOutcome{Delivered: true, ResponseStatus: status}
	}
	failed := failure("status", "the receiver answered "+strconv.Itoa(status))
	if status >= 300 && status < 400 {
		failed = failure("redirect", "the receiver answered "+strconv.Itoa(status)+"; redirects are not followed")
	}
	failed.ResponseStatus = status
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		failed.Retry = time.Duration(min(seconds, int(longestRetry/time.Second))) * time.Second
	}
	return failed
}
