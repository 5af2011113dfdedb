package postgres_test

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/store/postgres"
	"lindero/tenant/tenanttest"
)

// moverEnv holds the order of a process that the test binary starts of itself.
const moverEnv = "LINDERO_TEST_MOVER"

// moverReady is the line by which that process says that it is at work.
const moverReady = "moving"

// moverOrder says which collection to move, and by which policy.
type moverOrder struct {
	URL                string
	Tenant, Collection uuid.UUID
	Policy             postgres.PlacementPolicy
}

// startMover starts a process that moves the collection as the queue's worker does, until it is killed, and returns
// when it is at work.
func startMover(tb testing.TB, order moverOrder) *exec.Cmd {
	tb.Helper()
	encoded, err := json.Marshal(order)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMoverProcess$")
	cmd.Env = append(os.Environ(), moverEnv+"="+string(encoded))
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == moverReady {
			return cmd
		}
	}
	tb.Errorf("the mover's process ended by itself: %v", cmd.Wait())
	return cmd
}

// TestMoverProcess is what that process runs.
func TestMoverProcess(t *testing.T) {
	var order moverOrder
	if err := json.Unmarshal([]byte(os.Getenv(moverEnv)), &order); err != nil {
		t.Skip("runs as a process of its own, started by other tests")
	}
	ctx := context.Background()
	s, err := postgres.Open(ctx, postgres.Config{URL: order.URL, MaxConns: 4, Placement: order.Policy, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	handle := s.ForTenant(tenanttest.Of(t, order.Tenant))
	_, _ = os.Stdout.WriteString(moverReady + "\n")
	for {
		_, _ = s.LeadPlacement(ctx, func() error { // it goes on after every failure, as the queue has it do
			_, err := handle.PlaceCollection(ctx, order.Collection)
			return err
		})
		time.Sleep(5 * time.Millisecond)
	}
}
