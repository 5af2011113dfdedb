package api

import (
	"testing"

	"lindero/tenant"
)

func TestProfilesAreTheOperators(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("tenant-a")
	const heap = profilingPath + "/heap"
	if got := (caller{d: d}).send("GET", heap, nil); got.status != 401 || got.code(t) != "unauthenticated" {
		t.Errorf("without a key: %d %s", got.status, got.body)
	}
	if got := as(tenant.Admin).send("GET", heap, nil); got.status != 403 || got.code(t) != "forbidden" {
		t.Errorf("with a tenant's key: %d %s", got.status, got.body)
	}
	operator := d.operator()
	for _, profile := range []string{"heap", "goroutine", "profile?seconds=1"} {
		if got := operator.send("GET", profilingPath+"/"+profile, nil); got.status != 200 || len(got.body) < 100 {
			t.Errorf("%s: %d, %d bytes", profile, got.status, len(got.body))
		}
	}
	for path, status := range map[string]int{"cmdline": 404, "nothing": 404, "profile?seconds=3600": 422, "trace?seconds=x": 422} {
		if got := operator.send("GET", profilingPath+"/"+path, nil); got.status != status {
			t.Errorf("%s: %d %s, want %d", path, got.status, got.body, status)
		}
	}
}
