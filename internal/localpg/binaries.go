package localpg

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The oldest versions that Lindero works with.
const (
	minMajor    = 15
	minPgvector = "0.8.0"
)

// ErrNotInstalled is returned when this machine has no PostgreSQL and pgvector that would do.
var ErrNotInstalled = errors.New("PostgreSQL 15 or newer with pgvector 0.8.0 or newer is not installed; run scripts/setup.sh (or `make setup`), which installs it or says how")

// Binaries is one installation of PostgreSQL with pgvector.
type Binaries struct {
	Dir      string // holds postgres and initdb
	Version  string // such as 15.18
	Pgvector string // such as 0.8.0: the version that CREATE EXTENSION installs
}

// Major is the first number of the version; data directories are bound to it.
func (b Binaries) Major() int {
	major, _ := strconv.Atoi(strings.SplitN(b.Version, ".", 2)[0])
	return major
}

func (b Binaries) program(name string) string { return filepath.Join(b.Dir, name) }

// Find returns the newest installation that is new enough, or ErrNotInstalled.
func Find() (Binaries, error) {
	all := FindAll()
	if len(all) == 0 {
		return Binaries{}, ErrNotInstalled
	}
	return all[0], nil
}

// FindAll returns every installation that is new enough, newest first.
func FindAll() []Binaries {
	var found []Binaries
	for _, dir := range directories() {
		if b, err := inspect(dir); err == nil && b.usable() {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b Binaries) int { return -compareVersions(a.Version, b.Version) })
	return found
}

func (b Binaries) usable() bool {
	return b.Major() >= minMajor && b.Pgvector != "" && compareVersions(b.Pgvector, minPgvector) >= 0
}

// forData returns the installation that can run the data directory of the given major version.
func forData(major int) (Binaries, error) {
	for _, b := range FindAll() {
		if b.Major() == major {
			return b, nil
		}
	}
	return Binaries{}, fmt.Errorf("the data was made by PostgreSQL %d, which is not installed here with pgvector any more; install it again, or move the data directory away to start anew", major)
}

// directories lists where servers are commonly installed; scripts/lib/find.sh looks in the same places.
func directories() []string {
	var dirs []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/usr/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	} {
		matches, _ := filepath.Glob(pattern) // fails on a malformed pattern only
		dirs = append(dirs, matches...)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

var (
	serverVersion  = regexp.MustCompile(`\d+(\.\d+)?`)
	defaultVersion = regexp.MustCompile(`(?m)^default_version\s*=\s*'([^']+)'`)
)

func inspect(dir string) (Binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return Binaries{}, err
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, err
	}
	b := Binaries{Dir: dir, Version: serverVersion.FindString(string(out))}
	for _, share := range shareDirectories(dir) {
		control, err := os.ReadFile(filepath.Join(share, "extension", "vector.control"))
		if match := defaultVersion.FindSubmatch(control); err == nil && match != nil {
			b.Pgvector = string(match[1])
			break
		}
	}
	return b, nil
}

// shareDirectories asks the installation's pg_config; some distributions package that apart, so it guesses too.
func shareDirectories(bin string) []string {
	dirs := []string{filepath.Join(bin, "../share/postgresql"), filepath.Join(bin, "../share/pgsql"), filepath.Join(bin, "../share")}
	if out, err := exec.Command(filepath.Join(bin, "pg_config"), "--sharedir").Output(); err == nil {
		dirs = slices.Insert(dirs, 0, strings.TrimSpace(string(out)))
	}
	return dirs
}

// compareVersions compares dotted numbers; a missing part counts as 0.
func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		if c := cmp.Compare(versionPart(x, i), versionPart(y, i)); c != 0 {
			return c
		}
	}
	return 0
}

func versionPart(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, _ := strconv.Atoi(parts[i])
	return n
}
