package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Channels that Lindero's processes tell each other about changes on. Payloads are ids.
const (
	channelKeys       = "lindero_keys"       // a key was revoked
	channelTenants    = "lindero_tenants"    // a tenant changed state
	channelOperations = "lindero_operations" // an operation moved on
)

const (
	listenRetry = time.Second // between two tries to connect
	// listenProbe bounds how long a connection that died without a word is taken for alive.
	listenProbe   = 5 * time.Second
	listenTimeout = 5 * time.Second
)

// Notifications is one process's LISTEN connection. It reconnects by itself; what was said while it was
// disconnected is lost, so whoever caches must compare epochs.
type Notifications struct {
	config *pgx.ConnConfig
	log    *slog.Logger
	stop   context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	epoch    uint64 // connections so far
	alive    bool
	onCredit []func(id string)
	waiters  map[uuid.UUID]map[chan struct{}]struct{}
}

func newNotifications(config *pgx.ConnConfig, log *slog.Logger) *Notifications {
	ctx, stop := context.WithCancel(context.Background())
	n := &Notifications{config: config.Copy(), log: log, stop: stop, done: make(chan struct{}), waiters: map[uuid.UUID]map[chan struct{}]struct{}{}}
	go n.run(ctx)
	return n
}

func (n *Notifications) close() {
	n.stop()
	<-n.done
}

// Connected reports whether notifications arrive.
func (n *Notifications) Connected() bool {
	_, connected := n.Epoch()
	return connected
}

// Epoch numbers the connections. What was cached in an earlier epoch may have missed its notification.
func (n *Notifications) Epoch() (epoch uint64, connected bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.epoch, n.alive
}

// OnKey has f called with the id of each key that is revoked, and with the UUID of each tenant whose state
// changes, which ends what is known of all its keys. f must not block.
func (n *Notifications) OnKey(f func(id string)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onCredit = append(n.onCredit, f)
}

// Operation returns a channel that receives when the operation moves on, and a function that ends it.
func (n *Notifications) Operation(id uuid.UUID) (changed <-chan struct{}, cancel func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := make(chan struct{}, 1)
	if n.waiters[id] == nil {
		n.waiters[id] = map[chan struct{}]struct{}{}
	}
	n.waiters[id][c] = struct{}{}
	return c, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.waiters[id], c)
		if len(n.waiters[id]) == 0 {
			delete(n.waiters, id)
		}
	}
}

func (n *Notifications) run(ctx context.Context) {
	defer close(n.done)
	for ctx.Err() == nil {
		err := n.listen(ctx)
		n.setAlive(false)
		if ctx.Err() != nil {
			return
		}
		n.log.Warn("notifications from the database are interrupted", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(listenRetry):
		}
	}
}

func (n *Notifications) setAlive(alive bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.alive = alive
	if alive {
		n.epoch++
	}
}

// listen returns when the connection fails or ctx is done.
func (n *Notifications) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, n.config)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenTimeout)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channelKeys+"; LISTEN "+channelTenants+"; LISTEN "+channelOperations); err != nil {
		return err
	}
	if err := proveDelivery(ctx, conn, listenTimeout); err != nil {
		return err
	}
	n.setAlive(true)
	for {
		if err := n.wait(ctx, conn); err != nil {
			return err
		}
	}
}

// proveDelivery has the connection tell itself something. A pooler between us and the server may run LISTEN in a session
// that it then gives to others: all looks well, and nothing is ever heard.
func proveDelivery(ctx context.Context, conn *pgx.Conn, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	channel := "lindero_proof_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "NOTIFY "+channel); err != nil {
		return err
	}
	for {
		// What else is told meanwhile may be dropped: no key was cached in this epoch yet, and operations are looked at
		// now and then anyway.
		switch said, err := conn.WaitForNotification(ctx); {
		case err != nil:
			return fmt.Errorf("a notification of this connection's own did not come back; a pooler that shares sessions does not deliver them: %w", err)
		case said.Channel == channel:
			_, err := conn.Exec(ctx, "UNLISTEN "+channel)
			return err
		}
	}
}

// wait hands on one notification, or asks the server for a sign of life when none came for a while.
func (n *Notifications) wait(ctx context.Context, conn *pgx.Conn) error {
	waiting, cancel := context.WithTimeout(ctx, listenProbe)
	defer cancel()
	said, err := conn.WaitForNotification(waiting)
	switch {
	case err == nil:
		n.dispatch(said.Channel, said.Payload)
		return nil
	case ctx.Err() == nil && waiting.Err() != nil && !conn.IsClosed():
		probe, cancelProbe := context.WithTimeout(ctx, listenTimeout)
		defer cancelProbe()
		return conn.Ping(probe)
	}
	return err
}

func (n *Notifications) dispatch(channel, payload string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if channel != channelOperations {
		for _, f := range n.onCredit {
			f(payload)
		}
		return
	}
	id, err := uuid.Parse(payload)
	if err != nil {
		return
	}
	for c := range n.waiters[id] {
		select {
		case c <- struct{}{}:
		default: // one is waiting to be read already
		}
	}
}
