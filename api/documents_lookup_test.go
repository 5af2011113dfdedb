package api

import (
	"strings"
	"testing"

	"lindero/tenant"
)

// TestHashesTellWhatHasToBeSent follows one document's hash through every answer that carries it.
func TestHashesTellWhatHasToBeSent(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("tenant-a")
	w := as(tenant.Writer)
	const docs = "/v1/collections/default/documents"
	put := w.json("PUT", docs+"/x%2Fa?wait=30s", `{"text":"some words"}`, 201)
	w.json("PUT", docs+"/y?wait=30s", `{"text":"some words"}`, 201)
	hash, _ := put["content_hash"].(string)
	if len(hash) != 128 {
		t.Fatalf("content_hash is %q", hash)
	}
	lookup := func() map[string]any {
		found := as(tenant.Reader).json("POST", docs+"/lookup", `{"ids":["x/a","nobody"]}`, 200)["data"].([]any)
		if len(found) != 1 {
			t.Fatalf("looked up %v", found)
		}
		return found[0].(map[string]any)
	}
	if got := lookup(); got["id"] != "x/a" || got["content_hash"] != hash || got["status"] != "indexed" || got["version"] != float64(1) {
		t.Errorf("looked up %v", got)
	}
	if again := w.json("PUT", docs+"/x%2Fa?wait=30s", `{"text":"some words","metadata":{}}`, 200); again["unchanged"] != true || again["content_hash"] != hash {
		t.Errorf("the same once more: %v", again)
	}
	w.json("PATCH", docs+"/x%2Fa", `{"title":"Words"}`, 200)
	if got := lookup(); got["content_hash"] == hash {
		t.Error("a new title left the hash as it was")
	}
	list := w.json("GET", docs+"?prefix=x/", nil, 200)["data"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["content_hash"] != lookup()["content_hash"] {
		t.Errorf("listed by prefix: %v", list)
	}
	for _, bad := range []string{`{}`, `{"ids":[]}`, `{"ids":["` + strings.Repeat(`a","`, 1000) + `a"]}`, `{"ids":[1]}`} {
		if got := w.send("POST", docs+"/lookup", strings.NewReader(bad), "Content-Type", "application/json"); got.status != 422 {
			t.Errorf("%.30s: %d %s", bad, got.status, got.body)
		}
	}
	if got := w.send("GET", docs+"?prefix=%01", nil); got.status != 422 {
		t.Errorf("prefix with a control character: %d %s", got.status, got.body)
	}
}
