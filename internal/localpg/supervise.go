package localpg

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// The supervisor waits between failed restarts, from the first to the longest pause.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// supervise starts the server again whenever it ends, until Stop.
func (c *Cluster) supervise() {
	defer close(c.finished)
	for {
		<-c.process().done
		if c.ending.Err() != nil {
			return
		}
		c.unready()
		c.log.Warn("PostgreSQL ended; starting it again", "log", c.place.log())
		proc := c.relaunch()
		if proc == nil {
			return
		}
		c.setReady(proc)
		if c.ending.Err() != nil {
			proc.end(stopGrace) // Stop came too early to see this process
			return
		}
		c.log.Info("PostgreSQL is back")
	}
}

// relaunch tries until the server runs; nil when Stop came first.
func (c *Cluster) relaunch() *process {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		proc, err := c.launch(c.ending)
		if err == nil {
			return proc
		}
		if c.ending.Err() != nil {
			return nil
		}
		c.log.Error("PostgreSQL does not start", "error", err, "next_try", pause)
		select {
		case <-c.ending.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// launch starts one server process and waits until it answers. After a crash the old server's last children
// may still hold its shared memory for a moment; it is tried again then.
func (c *Cluster) launch(ctx context.Context) (*process, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if err := c.place.clearStale(); err != nil {
			return nil, err
		}
		if err := c.place.ensureSocketDir(); err != nil { // a cleaner of temporary files may have taken it
			return nil, err
		}
		before := logSize(c.place.log())
		proc, err := c.spawn()
		if err != nil {
			return nil, err
		}
		err = c.untilReady(ctx, proc)
		if err == nil {
			return proc, nil
		}
		proc.end(stopGrace)
		said := logSince(c.place.log(), before)
		if ctx.Err() != nil || !strings.Contains(said, "is still in use") {
			return nil, fmt.Errorf("PostgreSQL does not start: %w\n%s", err, said)
		}
		time.Sleep(firstPause) // the old children are not ours to wait for
	}
}

var errEnded = errors.New("the server ended at once")

func (c *Cluster) untilReady(ctx context.Context, proc *process) error {
	for {
		conn, err := pgx.Connect(ctx, c.URL(superuser, "postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-proc.done:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *Cluster) process() *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

func (c *Cluster) setReady(proc *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = proc
	close(c.ready)
}

// unready makes WaitReady wait for the next process, unless that is under way already.
func (c *Cluster) unready() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.ready:
		c.ready = make(chan struct{})
	default:
	}
}
