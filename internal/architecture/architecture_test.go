package architecture

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// unit is what `go list` says of a package.
type unit struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

type graph map[string]unit

// listPackages lists the module's packages with their imports.
func listPackages(t *testing.T) graph {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", ours)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := graph{}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var u unit
		if err := decoder.Decode(&u); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[u.ImportPath] = u
	}
}

// chains returns, for each dependency of a package, the imports that lead there through this module.
func (g graph) chains(from string) map[string][]string {
	found := map[string][]string{}
	queue := [][]string{{from}}
	for len(queue) > 0 {
		chain := queue[0]
		queue = queue[1:]
		for _, next := range g[chain[len(chain)-1]].Imports {
			if _, seen := found[next]; !seen {
				found[next] = append(slices.Clone(chain), next)
				queue = append(queue, found[next])
			}
		}
	}
	return found
}

func TestImportDirections(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	for from := range packages {
		for to, chain := range packages.chains(from) {
			for _, r := range rules {
				if r.breaks(from, to) {
					t.Errorf("%s: %s", strings.Join(chain, " → "), r.Why)
				}
			}
		}
	}
}

func TestDirectImports(t *testing.T) {
	t.Parallel()
	for from, u := range listPackages(t) {
		for _, to := range u.Imports {
			for _, r := range direct {
				if r.breaks(from, to) {
					t.Errorf("%s → %s: %s", from, to, r.Why)
				}
			}
		}
	}
}

func TestWhoMayCrossTenants(t *testing.T) {
	t.Parallel()
	for from, u := range listPackages(t) {
		for _, to := range slices.Concat(u.Imports, u.TestImports, u.XTestImports) {
			callers, guarded := allowed[to]
			if guarded && callers[from] == "" {
				t.Errorf("%s imports %s, which is for the callers listed in rules.go only", from, to)
			}
		}
	}
}

func TestTestHelpersStayOutOfTheProduct(t *testing.T) {
	t.Parallel()
	for from, u := range listPackages(t) {
		for _, to := range u.Imports {
			if slices.Contains(testOnly, to) && !slices.Contains(maySeeTestOnly, from) {
				t.Errorf("%s → %s: test helpers are imported by tests only", from, to)
			}
		}
	}
}

func TestRulesNotice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		broken   bool
	}{
		{"lindero/search", "lindero/store/postgres", true},
		{"lindero/search/lexical/bm25", "github.com/jackc/pgx/v5/pgxpool", true},
		{"lindero/ingest", "lindero/store/crosstenant", true},
		{"lindero/client", "lindero/fault", true},
		{"lindero/store/postgres", "lindero/api", true},
		{"lindero/tenant", "lindero/fault", false},
		{"lindero/store/postgres", "lindero/search", false},
		{"lindero/ingest/jobs", "lindero/store/postgres", false},
	} {
		broken := slices.ContainsFunc(rules, func(r rule) bool { return r.breaks(c.from, c.to) })
		if broken != c.broken {
			t.Errorf("%s → %s: broken = %v", c.from, c.to, broken)
		}
	}
}

func TestChainsFollowImportsOfImports(t *testing.T) {
	t.Parallel()
	g := graph{
		"lindero/search": {Imports: []string{"lindero/store"}},
		"lindero/store":  {Imports: []string{"lindero/store/postgres"}},
	}
	want := []string{"lindero/search", "lindero/store", "lindero/store/postgres"}
	if got := g.chains("lindero/search")["lindero/store/postgres"]; !slices.Equal(got, want) {
		t.Errorf("chain = %v", got)
	}
}
