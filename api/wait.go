package api

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"lindero/fault"
	"lindero/store"
)

// maxWait bounds ?wait=.
const maxWait = time.Minute

// parseWait reads ?wait=: a Go duration such as 30s, or a number of seconds. Empty is zero.
func parseWait(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if seconds, numeric := strconv.Atoi(s); numeric == nil && seconds <= int(maxWait/time.Second) {
		d, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || d < 0 || d > maxWait {
		return 0, fault.InvalidField("query.wait", nil, "must be a duration from 0s to 60s, such as 30s")
	}
	return d, nil
}

// await returns the operation when it is final, when wait is over, or when the client has gone.
func await(ctx context.Context, st Storage, id uuid.UUID, wait time.Duration) (store.Operation, error) {
	extendWrite(exchangeOf(ctx), wait+answerWithin)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return st.WaitOperation(ctx, id)
}
