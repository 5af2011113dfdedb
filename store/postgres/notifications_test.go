package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/pgtest"
	"lindero/store/postgres"
)

// awaitEpoch waits for the connection numbered at least wanted.
func awaitEpoch(tb testing.TB, n *postgres.Notifications, wanted uint64) {
	tb.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if epoch, connected := n.Epoch(); connected && epoch >= wanted {
			return
		}
		time.Sleep(5 * time.Millisecond) // nothing signals a connection to the outside
	}
	tb.Fatalf("no connection %d for notifications", wanted)
}

func TestNotificationsReconnect(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	n := openStore(t, db.AppURL()).Notifications()
	heard := make(chan string, 10)
	n.OnKey(func(id string) { heard <- id })
	expect := func(channel, payload string) {
		t.Helper()
		asOwner(t, db.OwnerURL(), `SELECT pg_notify('`+channel+`', '`+payload+`')`)
		select {
		case got := <-heard:
			if got != payload {
				t.Errorf("heard %q, want %q", got, payload)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s was not heard", channel)
		}
	}
	awaitEpoch(t, n, 1)
	expect("lindero_keys", "first")
	// All of the server's sessions, for which of them listens does not show once it has asked for a sign of life.
	asOwner(t, db.OwnerURL(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND usename = 'lindero_app'`)
	awaitEpoch(t, n, 2)
	expect("lindero_tenants", "second")
}

// TestDeafListenerIsNoticed takes the LISTEN away between its statement and the notification, as a pooler does that gives
// each statement to any of its sessions.
func TestDeafListenerIsNoticed(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(pgtest.New(t).AppURL())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tracer   pgx.QueryTracer
		patience time.Duration
		deaf     bool
	}{{nil, time.Minute, false}, {forgetful{}, 500 * time.Millisecond, true}} {
		config.Tracer = c.tracer
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		if err := postgres.ProveDelivery(t.Context(), conn, c.patience); (err != nil) != c.deaf {
			t.Errorf("deaf %t: %v", c.deaf, err)
		}
		_ = conn.Close(t.Context())
	}
}

// forgetful ends what a connection listens to, as soon as it does.
type forgetful struct{}

func (forgetful) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, forgetful{}, data.SQL)
}

func (forgetful) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryEndData) {
	if sql, _ := ctx.Value(forgetful{}).(string); strings.HasPrefix(sql, "LISTEN") {
		_, _ = conn.Exec(ctx, "UNLISTEN *")
	}
}

func TestWaitOperationHears(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	awaitEpoch(t, e.Store.Notifications(), 1)
	op, err := e.Handle.StartOperation(e.ctx, "ingest")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(e.ctx, 30*time.Second)
	defer cancel()
	go func() {
		got, err := e.Handle.WaitOperation(ctx, op.ID)
		if err == nil && !got.Status.Final() {
			err = context.DeadlineExceeded
		}
		ended <- err
	}()
	if err := e.Handle.FinishAccepting(e.ctx, op.ID); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
