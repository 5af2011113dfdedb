package main

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestCommandLineIsWhatAShellTakes asks a shell.
func TestCommandLineIsWhatAShellTakes(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	rapid.Check(t, func(t *rapid.T) {
		args := rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9 '"$*\\;&|<>~#é\n-]{0,12}`), 1, 4).Draw(t, "args")
		out, err := exec.Command(shell, "-c", `printf '%s\0' `+commandLine(args)).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(out), strings.Join(args, "\x00")+"\x00"; got != want {
			t.Fatalf("%q came through as %q", args, got)
		}
	})
	if got := commandLine([]string{"ingest", "--api-key", "lk_secret", "--api-key=lk_secret", "docs"}); got != "ingest docs" {
		t.Errorf("with a key: %q", got)
	}
}

func TestProgressTellsRateAndTimeLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testProgress)
}

func testProgress(t *testing.T) {
	var screen bytes.Buffer
	p := newProgress(&screen, true, 100<<20, time.Now().Add(-2*time.Second))
	for range 3 {
		time.Sleep(150 * time.Millisecond) // it draws at most every 100 ms
		p.add(100, 10<<20)
	}
	if shown := screen.String(); !regexp.MustCompile(`300 documents, \d+/s +20% .*\(21/105 MB, \d+ MB/s\) \[\d+s:\d+s\]`).MatchString(shown) {
		t.Errorf("drawn: %q", shown)
	}
	screen.Reset()
	p = newProgress(&screen, true, -1, time.Now()) // standard input: nobody knows how much
	time.Sleep(150 * time.Millisecond)
	p.add(7, 1<<20)
	if shown := screen.String(); !strings.Contains(shown, "7 documents") {
		t.Errorf("drawn without a total: %q", shown)
	}
	screen.Reset()
	p = newProgress(&screen, false, 100<<20, time.Now().Add(-time.Minute))
	p.add(600, 25<<20)
	p.add(600, 25<<20)
	if got, want := screen.String(), "600 documents, 10/s, 26.2 of 104.9 MB, about 3m0s left\n"; got != want {
		t.Errorf("told where there is no terminal: %q, want %q", got, want)
	}
}
