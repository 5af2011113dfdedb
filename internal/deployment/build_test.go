package deployment

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestImageBuilds runs the Dockerfile's own build command, with another output.
func TestImageBuilds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the whole program")
	}
	match := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*)$`).FindStringSubmatch(readFile(t, "Dockerfile"))
	if match == nil {
		t.Fatal("the Dockerfile has no build command")
	}
	binary := filepath.Join(t.TempDir(), "lindero")
	command := strings.Replace(match[1], "/out/lindero", binary, 1)
	build := exec.Command("sh", "-c", command)
	build.Dir = root
	build.Env = append(os.Environ(), "VERSION=v1.2.3-test")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	out, err := exec.Command(binary, "version").Output()
	if err != nil || !strings.Contains(string(out), "v1.2.3-test") {
		t.Errorf("lindero version says %q (%v)", out, err)
	}
}

func TestImageDoesNotRunAsRoot(t *testing.T) {
	t.Parallel()
	users := regexp.MustCompile(`(?m)^USER ([0-9]+)`).FindAllStringSubmatch(readFile(t, "Dockerfile"), -1)
	if len(users) == 0 || users[len(users)-1][1] == "0" {
		t.Errorf("USER %v", users)
	}
}

func TestMakeHelpListsEveryTarget(t *testing.T) {
	t.Parallel()
	makefile := readFile(t, "Makefile")
	phony := regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindStringSubmatch(makefile)
	if phony == nil {
		t.Fatal("no list of targets")
	}
	make := exec.Command("make", "--no-print-directory")
	make.Dir = root
	out, err := make.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range strings.Fields(phony[1]) {
		if !regexp.MustCompile(`(?m)^` + target + ` +\S`).Match(out) {
			t.Errorf("make help does not mention %s", target)
		}
	}
}

func TestScriptsParse(t *testing.T) {
	t.Parallel()
	scripts := []string{filepath.Join(root, ".ci/run")}
	for _, pattern := range []string{"scripts/*.sh", "scripts/*/*.sh"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		scripts = append(scripts, found...)
	}
	for _, script := range scripts {
		if out, err := exec.Command("bash", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", script, out)
		}
	}
}

// TestLinterExplainsItself: each forbidden import says why.
func TestLinterExplainsItself(t *testing.T) {
	t.Parallel()
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]struct {
						Files []string
						Deny  []struct{ Pkg, Desc string }
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, ".golangci.yml")), &config); err != nil {
		t.Fatal(err)
	}
	rules := config.Linters.Settings.Depguard.Rules
	for _, name := range []string{"search", "ingest", "embed", "store", "api", "client", "cross-tenant", "system-tenant"} {
		if len(rules[name].Deny) == 0 {
			t.Errorf("no import rule for %s", name)
		}
	}
	for name, rule := range rules {
		for _, d := range rule.Deny {
			if d.Pkg == "" || d.Desc == "" {
				t.Errorf("rule %s forbids %q without a reason", name, d.Pkg)
			}
		}
	}
}
