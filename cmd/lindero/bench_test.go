package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lindero/client"
	"lindero/internal/bench"
)

// asProgram makes a test binary behave as lindero: the benchmark starts its server as a process of its own.
const asProgram = "LINDERO_TEST_AS_PROGRAM"

func init() {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(exitOK)
	}
}

// benchmark runs `lindero bench` inside the test and returns what it printed.
func benchmark(t *testing.T, args ...string) string {
	t.Helper()
	c := &console{ctx: t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
	args = append([]string{"bench", "--dimensions", "8", "--words", "20", "--queries", "6", "--rounds", "6", "--slice", "20ms", "--settle", "0s"}, args...)
	if code := run(c, args); code != exitOK {
		t.Fatalf("exit code %d:\n%s", code, c.err)
	}
	return c.out.(*screen).String()
}

func TestBenchWithADeploymentOfItsOwn(t *testing.T) {
	t.Setenv(asProgram, "1")
	t.Setenv("LINDERO_URL", "")
	out := filepath.Join(t.TempDir(), "result.json")
	printed := benchmark(t, "--tenants", "1x300,2x20", "--baseline", "raw", "--out", out)
	if !strings.Contains(printed, "vector, filter 50 %") || !strings.Contains(printed, "POSTGRESQL MB") {
		t.Errorf("the tables:\n%s", printed)
	}
	written, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var result bench.Sizes
	if err := json.Unmarshal(written, &result); err != nil {
		t.Fatal(err)
	}
	if len(result.Cells) != 9 || len(result.Ingest) != 2 || result.Loaded.Server == nil {
		t.Errorf("the result: %s", written)
	}
	for _, c := range result.Cells {
		if c.Error != "" || c.Short > 0 || c.Doubles > 0 || c.P50 <= 0 || c.Throughput <= 0 {
			t.Errorf("%+v", c)
		}
		if ranked := strings.HasPrefix(c.Search, "vector"); ranked && (c.Truth == nil || *c.Truth < .95 || c.Ratio == nil) {
			t.Errorf("recall and ratio are missing or low: %+v", c)
		}
	}
}

func TestBenchOfARunningDeploymentCleansUp(t *testing.T) {
	d := startDev(t, t.TempDir())
	defer d.end(t)
	t.Setenv("LINDERO_URL", urlPattern.FindString(d.out.String()))
	t.Setenv("LINDERO_ADMIN_KEY", regexp.MustCompile(`lpk_\w+`).FindString(d.out.String()))
	var noisy bench.Noisy
	decode(t, benchmark(t, "--noisy", "--period", "200ms", "--tenants", "1x60,1x20", "--json"), &noisy)
	if len(noisy.Phases) != 4 || noisy.Phases[3].Accepted <= 0 || noisy.Phases[3].Neighbours <= 0 || noisy.Ratio <= 0 {
		t.Errorf("%+v", noisy)
	}
	var many bench.Many
	decode(t, benchmark(t, "--many-tenants", "3", "--json"), &many)
	if many.All.Tenants != 3 || many.All.First.P95 <= 0 || many.All.Again.P95 <= 0 || many.After.Server == nil {
		t.Errorf("%+v", many)
	}
	var deletion bench.Deletion
	decode(t, benchmark(t, "--delete", "--tenants", "1x30", "--json"), &deletion)
	if deletion.Chunks != 30 || deletion.Answer <= 0 || deletion.Searches == 0 || deletion.Found > 0 {
		t.Errorf("%+v", deletion)
	}
	kept := []string{"--name", "bench-kept", "--tenants", "1x25", "--json"}
	var first, again bench.Sizes
	decode(t, benchmark(t, append(kept, "--keep")...), &first)
	decode(t, benchmark(t, kept...), &again)
	if again.Cells[0].Truth == nil || *again.Cells[0].Truth != *first.Cells[0].Truth {
		t.Errorf("on kept data: %+v, first %+v", again.Cells[0], first.Cells[0])
	}
	admin, err := client.New(client.Config{URL: os.Getenv("LINDERO_URL"), Key: os.Getenv("LINDERO_ADMIN_KEY")})
	if err != nil {
		t.Fatal(err)
	}
	for tenant, err := range admin.Platform().Tenants(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(tenant.Slug, "bench-") && tenant.State != "deleting" {
			t.Errorf("tenant %s is left", tenant.Slug)
		}
	}
}

func decode(t *testing.T, printed string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(printed), into); err != nil {
		t.Fatalf("%v:\n%s", err, printed)
	}
}

func TestBenchRefusesWhatMakesNoSense(t *testing.T) {
	t.Setenv("LINDERO_URL", "")
	t.Setenv("LINDERO_ADMIN_KEY", "")
	t.Setenv("LINDERO_DATABASE_URL", "")
	for _, args := range [][]string{
		{"--tenants", "many"}, {"--tenants", "0x5"}, {"--tenants", "3x"}, {"--workload", "huge"}, {"--dimensions", "0"}, {"--clients", "0"},
		{"--noisy", "--many-tenants", "5"}, {"--noisy", "--delete"}, {"--name", "No_Slug"}, {"--url", "http://127.0.0.1:1"}, {"--baseline", "other"}, {"--slice", "-1s"}, {"--vectors", "/nowhere.fvecs"},
		{"--url", "http://127.0.0.1:1", "--admin-key", "k", "--baseline", "raw"},
	} {
		c := &console{ctx: t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
		if code := run(c, append([]string{"bench"}, args...)); code != exitUsage {
			t.Errorf("lindero bench %v ended with %d, want %d: %s", args, code, exitUsage, c.err)
		}
	}
}
