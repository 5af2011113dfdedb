package localpg

import (
	"context"
	"syscall"
)

// Kill ends the server as a crash would, without a checkpoint. The supervisor starts it again; WaitReady tells
// when.
func (c *Cluster) Kill() {
	c.unready()
	_ = c.process().cmd.Process.Signal(syscall.SIGKILL) // fails only when it has ended
}

// Restart shuts the server down in good order and returns when it accepts connections again.
func (c *Cluster) Restart(ctx context.Context) error {
	c.unready()
	_ = c.process().cmd.Process.Signal(fastShutdown) // fails only when it has ended
	return c.WaitReady(ctx)
}

// WaitReady returns when the server accepts connections, or with the reason why ctx is done.
func (c *Cluster) WaitReady(ctx context.Context) error {
	c.mu.Lock()
	ready := c.ready
	c.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
