package localpg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Signals by which PostgreSQL shuts down.
const (
	fastShutdown      = syscall.SIGINT  // ends sessions, writes a checkpoint
	immediateShutdown = syscall.SIGQUIT // ends at once; recovers at the next start
)

// process is one run of the server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// spawn starts the server in a session of its own, where Ctrl-C at the terminal does not reach it: Lindero
// finishes its requests first.
func (c *Cluster) spawn() (*process, error) {
	log, err := os.OpenFile(c.place.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := c.place.account.command(c.binaries.program("postgres"), c.arguments()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Setsid = true
	dieWithParent(cmd.SysProcAttr)
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel ties the death signal to the thread that forked, not to the process: keep the thread
		// for as long as the server runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // why it ended stands in its log
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return p, nil
}

// end shuts the server down, ever more firmly when it takes longer than grace.
func (p *process) end(grace time.Duration) {
	for _, signal := range []syscall.Signal{fastShutdown, immediateShutdown, syscall.SIGKILL} {
		_ = p.cmd.Process.Signal(signal) // fails only when it has ended
		select {
		case <-p.done:
			return
		case <-time.After(grace):
		}
	}
	<-p.done
}

// clearStale ends a server that an earlier, killed process left running on the data directory, and removes its
// pid file, which could name an unrelated process by now and would keep the new server from starting.
func (p place) clearStale() error {
	content, err := os.ReadFile(p.pidFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var pid int
	if _, err := fmt.Sscan(string(content), &pid); err == nil && pid > 1 {
		if err := p.endOrphan(pid); err != nil {
			return err
		}
	}
	if err := os.Remove(p.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (p place) endOrphan(pid int) error {
	for _, signal := range []syscall.Signal{fastShutdown, immediateShutdown, syscall.SIGKILL} {
		if !p.servedBy(pid) {
			return nil
		}
		_ = syscall.Kill(pid, signal) // it may be gone meanwhile
		for range 250 {
			if !p.servedBy(pid) {
				return nil
			}
			time.Sleep(20 * time.Millisecond) // not our child: there is nothing to wait on
		}
	}
	return fmt.Errorf("a PostgreSQL left running on %s (process %d) cannot be stopped", p.data, pid)
}

// servedBy reports whether process pid is a live server of this data directory. A zombie has no command line.
func (p place) servedBy(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if _, none := os.Stat("/proc/self/cmdline"); none != nil {
		line, err = exec.Command("ps", "-ww", "-o", "args=", "-p", fmt.Sprint(pid)).Output()
	}
	return err == nil && strings.Contains(string(line), p.data)
}
