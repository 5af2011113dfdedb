package api

import (
	"testing"
	"time"

	"lindero/tenant"
)

// TestKeysTellTheirLastUse sees a use of each key in the list, and none of a key that was never used.
func TestKeysTellTheirLastUse(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	before := time.Now().Add(-time.Second)
	admin, idle := as(tenant.Admin), as(tenant.Reader)
	lastUsed := func() (used, never int) {
		for _, k := range admin.json("GET", "/v1/keys", nil, 200)["data"].([]any) {
			text, ok := k.(map[string]any)["last_used_at"].(string)
			if !ok {
				never++
				continue
			}
			at, err := time.Parse(time.RFC3339Nano, text)
			must(t, err)
			if at.Before(before) || at.After(time.Now().Add(time.Second)) {
				t.Errorf("last used at %s", text)
			}
			used++
		}
		return used, never
	}
	lastUsed()
	d.uses.Flush(t.Context())
	if used, never := lastUsed(); used != 1 || never != 1 {
		t.Errorf("%d keys were used and %d were not, want one each", used, never)
	}
	idle.json("GET", "/v1/tenant", nil, 200)
	d.uses.Flush(t.Context())
	if used, never := lastUsed(); used != 2 || never != 0 {
		t.Errorf("%d keys were used and %d were not, want two and none", used, never)
	}
}
