package pinecone

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// circuit is how calls to one index are tried again, and when they are not even begun: after some failures in a
// row the index is left alone for a moment. Being asked to slow down is no failure of the index, or one tenant's
// load would close it to the others.
type circuit struct {
	breaker circuitbreaker.CircuitBreaker[any]
	asks    failsafe.Executor[any] // somebody waits for the answer
	writes  failsafe.Executor[any] // nobody waits
}

const (
	failuresToOpen = 5
	openFor        = 20 // times the backoff: two seconds
)

func newCircuit(index string, backoff time.Duration, log *slog.Logger) *circuit {
	breaker := circuitbreaker.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool { return isOutage(err) }).
		WithFailureThreshold(failuresToOpen).WithDelay(openFor * backoff).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			log.Warn("Pinecone's circuit changed", "index", index, "from", e.OldState.String(), "to", e.NewState.String())
		}).Build()
	retries := func(most int, first, last time.Duration) retrypolicy.RetryPolicy[any] {
		return retrypolicy.NewBuilder[any]().HandleIf(func(_ any, err error) bool { return isTransient(err) }).
			WithMaxRetries(most).WithBackoff(first, last).WithJitterFactor(.4).ReturnLastFailure().Build()
	}
	return &circuit{
		breaker: breaker,
		asks:    failsafe.With[any](retries(2, backoff/5, 2*backoff), breaker),
		writes:  failsafe.With[any](retries(4, backoff, 20*backoff), breaker),
	}
}

// do runs call, again where that may help.
func (c *circuit) do(ctx context.Context, executor failsafe.Executor[any], call func(context.Context) error) error {
	return executor.WithContext(ctx).Run(func() error { return call(ctx) })
}

// isTransient reports whether the same call may succeed a moment later.
func isTransient(err error) bool {
	return isOutage(err) || status.Code(err) == codes.ResourceExhausted
}

// isOutage reports whether the index itself is in trouble. Deadlines are ours, but it is the index that let them pass.
func isOutage(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, circuitbreaker.ErrOpen) {
		return false
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.DeadlineExceeded, codes.Aborted, codes.DataLoss:
		return true
	}
	return false
}
