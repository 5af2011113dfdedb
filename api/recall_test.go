package api

import (
	"fmt"
	"strings"
	"testing"

	"lindero/tenant"
)

func TestRecallOfATenantsOwnCollection(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("tenant-a")
	c := as(tenant.Reader)
	const path = "/v1/collections/default/recall"
	if got := c.send("POST", path, strings.NewReader(`{}`), "Content-Type", "application/json"); got.status != 409 {
		t.Errorf("without documents: %d %s", got.status, got.body)
	}
	var documents []string
	for i := range 30 {
		documents = append(documents, fmt.Sprintf(`{"id":"%d","text":"document number %d about topic %d"}`, i, i, i%7))
	}
	as(tenant.Writer).json("POST", "/v1/collections/default/documents?wait=30s", `{"documents":[`+strings.Join(documents, ",")+`]}`, 202)
	got := c.json("POST", path, `{"queries":20,"top_k":5}`, 200)
	if got["recall"] != 1.0 || got["top_k"] != 5.0 || got["short_results"] != 0.0 || got["queries"].(float64) < 5 {
		t.Errorf("%v", got)
	}
	if got := c.send("POST", path, nil); got.status != 200 {
		t.Errorf("without a body: %d %s", got.status, got.body)
	}
	for _, times := range []string{"exact_ms", "index_ms"} {
		if got[times].(map[string]any)["p95"].(float64) <= 0 {
			t.Errorf("%s is %v", times, got[times])
		}
	}
	for _, wrong := range []string{`{"queries":0}`, `{"top_k":2000}`, `{"vectors":[[1,2]]}`, `{"vectors":[]}`, `{"sample":3}`} {
		if got := c.send("POST", path, strings.NewReader(wrong), "Content-Type", "application/json"); got.status != 422 {
			t.Errorf("%s: %d %s", wrong, got.status, got.body)
		}
	}
}
