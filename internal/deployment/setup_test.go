package deployment

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// emptyMachine is a PATH with the programs that every system has, and neither PostgreSQL nor apt.
func emptyMachine(t *testing.T, more ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range append(more, "bash", "env", "sed", "sort", "head", "cut", "cat", "id", "dirname") {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("no %s on this machine", name)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runLibrary runs a line of shell with the set-up scripts' functions.
func runLibrary(t *testing.T, path, line string) (output string, ok bool) {
	t.Helper()
	scripts, err := filepath.Abs(filepath.Join(root, "scripts"))
	if err != nil {
		t.Fatal(err)
	}
	load := "here='" + scripts + "'; for f in common find advice debian; do . \"$here/lib/$f.sh\"; done; "
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", load+line)
	cmd.Env = []string{"PATH=" + path, "HOME=/nonexistent"}
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func TestVersionsAreComparedByNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		have, want string
		enough     bool
	}{
		{"0.8.0", "0.8.0", true}, {"0.10.0", "0.8.0", true}, {"0.7.4", "0.8.0", false}, {"15.18", "15", true}, {"9.6", "15", false},
	} {
		if _, ok := runLibrary(t, os.Getenv("PATH"), "version_at_least "+c.have+" "+c.want); ok != c.enough {
			t.Errorf("version_at_least %s %s = %v", c.have, c.want, ok)
		}
	}
}

func TestAdviceNamesWhatToInstall(t *testing.T) {
	t.Parallel()
	out, _ := runLibrary(t, emptyMachine(t), "can_install_on_debian && exit 3; advise")
	for _, word := range []string{"apt-get install postgresql", "dnf install", "brew install", "pgvector >= 0.8.0"} {
		if !strings.Contains(out, word) {
			t.Errorf("the advice lacks %q:\n%s", word, out)
		}
	}
}

func TestMissingGoIsSaid(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/local/go/bin/go"); err == nil {
		t.Skip("Go lies where the script looks for it outside PATH too")
	}
	if out, ok := runLibrary(t, emptyMachine(t), "require_go"); ok || !strings.Contains(out, "go.dev/dl") {
		t.Errorf("without Go: %q", out)
	}
}
