package extract

import (
	"context"
	"time"
)

// clock ends a document's context when its time is over. It stands still while the process waits for something that is
// not the document's doing. It is for one goroutine.
type clock struct {
	over  *time.Timer
	until time.Time
}

// timed is ctx for as long as a document may take. stop ends the context, in any goroutine.
func timed(ctx context.Context, limit time.Duration) (_ context.Context, c *clock, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	c = &clock{until: time.Now().Add(limit), over: time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })}
	return ctx, c, func() {
		c.over.Stop()
		cancel(context.Canceled)
	}
}

// still runs wait while the clock stands still. Time that is over already stays over.
func (c *clock) still(wait func()) {
	if !c.over.Stop() {
		wait()
		return
	}
	left := time.Until(c.until)
	wait()
	c.until = time.Now().Add(left)
	c.over.Reset(left)
}
