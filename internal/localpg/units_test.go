package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func firstNumber(content []byte) (n int) {
	_, _ = fmt.Sscan(string(content), &n)
	return n
}

func pidLine(pid int) string { return fmt.Sprintf("%d\n", pid) }

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"0.8.0", "0.8.0", 0}, {"0.8", "0.8.0", 0}, {"0.10.0", "0.8.9", 1},
		{"15.18", "16", -1}, {"9.6", "15", -1}, {"17.2", "17.10", -1},
	} {
		if got := compareVersions(c.a, c.b); got != c.want {
			t.Errorf("compareVersions(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestUsable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		b    Binaries
		want bool
	}{
		{Binaries{Version: "15.1", Pgvector: "0.8.0"}, true},
		{Binaries{Version: "18", Pgvector: "0.10.1"}, true},
		{Binaries{Version: "14.9", Pgvector: "0.8.0"}, false},
		{Binaries{Version: "15.1", Pgvector: "0.7.4"}, false},
		{Binaries{Version: "15.1"}, false},
	} {
		if got := c.b.usable(); got != c.want {
			t.Errorf("%+v usable = %v", c.b, got)
		}
	}
}

// fakeInstallation writes shell scripts that answer like an installation of PostgreSQL.
func fakeInstallation(t *testing.T, version, vector string) string {
	t.Helper()
	root := t.TempDir()
	bin, extension := filepath.Join(root, "bin"), filepath.Join(root, "share", "extension")
	for path, content := range map[string]string{
		filepath.Join(bin, "postgres"):             "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + " (Debian " + version + "-1)'\n",
		filepath.Join(bin, "initdb"):               "#!/bin/sh\n",
		filepath.Join(extension, "vector.control"): "comment = 'vectors'\ndefault_version = '" + vector + "'\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

func TestInspect(t *testing.T) {
	t.Parallel()
	bin := fakeInstallation(t, "17.4", "0.8.1")
	got, err := inspect(bin)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Binaries{Dir: bin, Version: "17.4", Pgvector: "0.8.1"}); got != want {
		t.Errorf("inspect = %+v, want %+v", got, want)
	}
	if got.Major() != 17 {
		t.Errorf("major = %d", got.Major())
	}
	if _, err := inspect(t.TempDir()); err == nil {
		t.Error("an empty directory passed as an installation")
	}
}

func TestSocketPathIsShort(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := os.MkdirAll(long, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	p := place{data: t.TempDir()}
	p.account = account{uid: os.Geteuid()}
	if err := p.placeSocket(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(p.socket) }()
	if path := p.socket + "/.s.PGSQL." + socketPort; len(path) >= 100 {
		t.Errorf("socket path has %d bytes: %s", len(path), path)
	}
}

func TestForeignSocketDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	p := place{data: t.TempDir()}
	p.account = account{uid: os.Geteuid()}
	trap := filepath.Join(os.TempDir(), "lindero-"+fingerprint(p.data))
	if err := os.Symlink(t.TempDir(), trap); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(trap) }()
	if err := p.placeSocket(); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("a symbolic link was taken for the socket's directory: %v", err)
	}
}
