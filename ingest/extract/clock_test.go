package extract

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, c, stop := timed(t.Context(), time.Minute)
		defer stop()
		time.Sleep(40 * time.Second)
		c.still(func() { time.Sleep(time.Hour) })
		if time.Sleep(19 * time.Second); ctx.Err() != nil {
			t.Error("time that was waited for something else counts")
		}
		if time.Sleep(2 * time.Second); !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			t.Errorf("after a minute in all: %v", context.Cause(ctx))
		}
		c.still(func() { time.Sleep(time.Second) })
		if ctx.Err() == nil {
			t.Error("time that was over is not")
		}
	})
}

// TestStartingTheSandboxIsNoTimeOfTheDocument sees by how much the end of a document's time moves. It does by however
// little, when the sandbox is there already.
func TestStartingTheSandboxIsNoTimeOfTheDocument(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]Input{
		"a PDF": {Data: pdfOf("text"), ContentType: "application/pdf"},
		"a PDF attached": {Data: fmt.Appendf(nil, "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"+
			"Content-Type: application/pdf; name=a.pdf\r\n\r\n%s\r\n--x--\r\n", pdfOf("text")), ContentType: typeEML},
	} {
		ctx, c, stop := timed(t.Context(), time.Hour)
		before := c.until
		_, _, parse := detect(in)
		b := newBuilder(1 << 20)
		if err := parse(ctx, source{data: in.Data, limits: DefaultLimits, clock: c}, b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !c.until.After(before) {
			t.Errorf("%s: the start of the sandbox counts", name)
		}
		stop()
	}
}
