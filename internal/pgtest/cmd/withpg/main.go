// Command withpg runs a command with a throw-away PostgreSQL cluster, whose superuser URL the command finds in
// LINDERO_TEST_DATABASE_URL: go run ./internal/pgtest/cmd/withpg -- go test ./...
// Its exit code is the command's.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"lindero/internal/localpg"
	"lindero/internal/pgtest"
)

func main() {
	command := os.Args[1:]
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withpg -- COMMAND [ARGUMENT…]")
		os.Exit(2)
	}
	code, err := run(command)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpg:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(command []string) (code int, err error) {
	// Ctrl-C reaches the command too, being in the same group; withpg waits for it and then cleans up.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	dir, err := os.MkdirTemp("", "lindero-withpg-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// The server may run as another user, who has to pass.
	if err := os.Chmod(dir, 0o755); err != nil {
		return 1, err
	}
	cluster, err := localpg.Start(context.Background(), localpg.Config{Dir: dir})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, cluster.Remove(context.Background())) }()
	b := cluster.Binaries()
	fmt.Fprintf(os.Stderr, "withpg: PostgreSQL %s, pgvector %s\n", b.Version, b.Pgvector)
	return runCommand(command, cluster.URL("postgres", "postgres"), signals)
}

// runCommand returns the command's exit code. SIGTERM, which a terminal does not spread, is passed on.
func runCommand(command []string, url string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), pgtest.EnvURL+"="+url)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGTERM {
				_ = cmd.Process.Signal(s) // fails only when it has ended
			}
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return max(exit.ExitCode(), 1), nil
			}
			return cmd.ProcessState.ExitCode(), err
		}
	}
}
