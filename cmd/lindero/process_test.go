package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mainEnv makes the test binary be lindero, for tests that need a process of their own: to kill, or to measure.
const mainEnv = "LINDERO_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a lindero of its own.
type process struct {
	*exec.Cmd
	t        *testing.T
	out, err *screen
	ended    chan struct{} // closed when it has ended
}

func startProcess(t *testing.T, in io.Reader, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), t: t, out: newScreen(), err: newScreen(), ended: make(chan struct{})}
	p.Env = append(os.Environ(), mainEnv+"=1")
	p.Stdin, p.Stdout, p.Stderr = in, p.out, p.err
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // the exit code is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may be gone already
		<-p.ended
	})
	return p
}

// start runs a command of the customer's as a process of its own.
func (c *customer) start(in io.Reader, args ...string) *process {
	c.t.Helper()
	return startProcess(c.t, in, append(args[:1:1], append([]string{"--url", c.url, "--api-key", c.key}, args[1:]...)...)...)
}

// code waits for the end and returns the exit code; -1 when it was killed.
func (p *process) code() int {
	<-p.ended
	return p.ProcessState.ExitCode()
}

// peak is the most memory the process has had so far, in bytes. The test is skipped where the system does not say.
func (p *process) peak() int64 {
	p.t.Helper()
	bytes, told := p.tryPeak()
	if !told {
		p.t.Skip("this system does not tell how much memory a process has had")
	}
	return bytes
}

func (p *process) tryPeak() (peak int64, told bool) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.Process.Pid) + "/status")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(status) {
		if kilobytes, found := strings.CutPrefix(string(line), "VmHWM:"); found {
			n, err := strconv.ParseInt(strings.Fields(kilobytes)[0], 10, 64)
			return n << 10, err == nil
		}
	}
	return 0, false // it has just ended
}

// watchPeak looks at the process until it has ended; what it returns then tells the most memory there was.
func (p *process) watchPeak() func() int64 {
	p.t.Helper()
	most, stopped := p.peak(), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-p.ended:
				return
			case <-time.After(20 * time.Millisecond): // a process takes its account with it when it ends
				if now, told := p.tryPeak(); told {
					most = now
				}
			}
		}
	}()
	return func() int64 {
		<-stopped
		return most
	}
}
