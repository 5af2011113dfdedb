package api

import (
	"fmt"
	"strings"
	"testing"

	"lindero/tenant"
)

// limited is a tenant whose queue takes five documents and that nobody works for, until served.
func limited(d *deployment, slug string) (as caller, served func()) {
	d.t.Helper()
	_, by := d.tenant(slug)
	operator := d.operator()
	operator.json("PATCH", tenantsPath+"/"+slug, `{"features":{"dedicated_workers":true}}`, 200)
	operator.json("PUT", tenantsPath+"/"+slug+"/limits", `{"queue_documents":5}`, 200)
	return by(tenant.Writer), func() {
		operator.json("PATCH", tenantsPath+"/"+slug, `{"features":{"dedicated_workers":false}}`, 200)
	}
}

func manyLines(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"%s%02d","text":"some words"}`+"\n", prefix, i)
	}
	return b.String()
}

// sendLines sends NDJSON and returns the answer.
func sendLines(c caller, text string) map[string]any {
	c.d.t.Helper()
	got := c.send("POST", documentsOf, strings.NewReader(text), "Content-Type", "application/x-ndjson")
	if got.status != 202 {
		c.d.t.Fatalf("%d %s", got.status, got.body)
	}
	return got.object(c.d.t)
}

const documentsOf = "/v1/collections/default/documents"

func TestFullQueueTurnsAway(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	a, served := limited(d, "tenant-a")
	b, _ := limited(d, "tenant-b")
	var operation string
	for i := range 5 {
		put := a.json("PUT", fmt.Sprintf("%s/%d", documentsOf, i), `{"text":"words"}`, 202)
		operation = put["operation"].(map[string]any)["id"].(string)
	}
	for name, refused := range map[string]reply{
		"PUT":    a.send("PUT", documentsOf+"/more", strings.NewReader(`{"text":"words"}`), "Content-Type", "application/json"),
		"POST":   a.send("POST", documentsOf, strings.NewReader(`{"documents":[{"id":"x","text":"y"}]}`), "Content-Type", "application/json"),
		"NDJSON": a.send("POST", documentsOf, strings.NewReader(manyLines("n", 3)), "Content-Type", "application/x-ndjson"),
	} {
		if refused.status != 429 || refused.code(t) != "rate_limited" || refused.header.Get("Retry-After") == "" ||
			refused.header.Get("RateLimit-Limit") != "5" || refused.header.Get("RateLimit-Remaining") != "0" || refused.header.Get("RateLimit-Reset") == "" {
			t.Errorf("%s: %d %s %v", name, refused.status, refused.body, refused.header)
		}
	}
	if got := b.send("PUT", documentsOf+"/0", strings.NewReader(`{"text":"words"}`), "Content-Type", "application/json"); got.status != 202 || got.header.Get("RateLimit-Remaining") != "4" {
		t.Errorf("another tenant's: %d %s %v", got.status, got.body, got.header)
	}
	served()
	if got := waitFor(a, operation); got["status"] != "succeeded" {
		t.Errorf("%v", got)
	}
}

// waitFor returns the operation when it is final.
func waitFor(c caller, operation string) map[string]any {
	c.d.t.Helper()
	c.send("GET", "/v1/operations/"+operation+"/events", nil) // ends with it
	return c.json("GET", "/v1/operations/"+operation, nil, 200)
}

func TestStreamMeetsAFullQueueMidway(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	me, served := limited(d, "acme")
	got := sendLines(me, manyLines("doc", 12))
	rejected := got["rejected"].([]any)
	if got["accepted"] != 5.0 || got["rejected_total"] != 7.0 || len(rejected) != 7 {
		t.Fatalf("%v", got)
	}
	for i, one := range rejected {
		if r := one.(map[string]any); r["index"] != float64(5+i) || r["id"] != fmt.Sprintf("doc%02d", 5+i) || r["code"] != "rate_limited" {
			t.Errorf("rejection %d: %v", i, r)
		}
	}
	served()
	operation := waitFor(me, got["operation"].(map[string]any)["id"].(string))
	if counts := operation["counts"].(map[string]any); operation["status"] != "succeeded" || counts["total"] != 5.0 || counts["done"] != 5.0 {
		t.Errorf("%v", operation)
	}
}

func TestStreamGoesOnAtThePaceOfTheWorkers(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.tenant("acme")
	d.operator().json("PUT", tenantsPath+"/acme/limits", `{"queue_documents":20}`, 200)
	key := d.operator().json("POST", tenantsPath+"/acme/keys", `{"name":"k","role":"writer"}`, 201)["key"].(string)
	d.server.cfg.Limits.QueueWait = 20e9
	got := sendLines(caller{d, key}, manyLines("doc", 200))
	if got["accepted"] != 200.0 {
		t.Errorf("%v", got)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	operator := d.operator()
	limits := func(body map[string]any) map[string]any { return body["limits"].(map[string]any) }
	plan := limits(operator.json("GET", tenantsPath+"/acme", nil, 200))
	if plan["ingest_concurrency"] != 2.0 || plan["queue_documents"] == nil || plan["queue_bytes"] == nil {
		t.Errorf("the plan's: %v", plan)
	}
	if set := limits(operator.json("PUT", tenantsPath+"/acme/limits", `{"ingest_concurrency":7}`, 200)); set["ingest_concurrency"] != 7.0 || set["queue_documents"] != plan["queue_documents"] {
		t.Errorf("set: %v", set)
	}
	if own := limits(as(tenant.Reader).json("GET", "/v1/tenant", nil, 200)); own["ingest_concurrency"] != 7.0 {
		t.Errorf("the tenant's own view: %v", own)
	}
	for _, bad := range []string{`{"ingest_concurrency":0}`, `{"ingest_concurrency":65}`, `{"queue_documents":-1}`, `{"queue_bytes":"many"}`, `{"queue_bytes":1.5}`, `{"unknown":1}`, `[]`} {
		if got := operator.send("PUT", tenantsPath+"/acme/limits", strings.NewReader(bad), "Content-Type", "application/json"); got.status != 422 && got.status != 400 {
			t.Errorf("%s: %d %s", bad, got.status, got.body)
		}
	}
	if got := operator.send("PATCH", tenantsPath+"/acme", strings.NewReader(`{"features":{"dedicated_workers":"yes"}}`), "Content-Type", "application/json"); got.status != 422 {
		t.Errorf("features: %d %s", got.status, got.body)
	}
	if set := limits(operator.json("GET", tenantsPath+"/acme", nil, 200)); set["ingest_concurrency"] != 7.0 {
		t.Errorf("a refused change left %v", set)
	}
	if again := limits(operator.json("PUT", tenantsPath+"/acme/limits", `{}`, 200)); again["ingest_concurrency"] != 2.0 {
		t.Errorf("back to the plan: %v", again)
	}
	if got := operator.send("PUT", tenantsPath+"/nobody/limits", strings.NewReader(`{}`), "Content-Type", "application/json"); got.status != 404 {
		t.Errorf("nobody's: %d %s", got.status, got.body)
	}
	if got := as(tenant.Admin).send("PUT", tenantsPath+"/acme/limits", strings.NewReader(`{}`), "Content-Type", "application/json"); got.status != 401 && got.status != 403 {
		t.Errorf("with the tenant's own key: %d %s", got.status, got.body)
	}
}

func TestFailedDocumentsAreRetriedOnRequest(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	const pdf = `"content":"JVBERi0xLjcgYnJva2Vu","content_type":"application/pdf"`
	got := me.json("POST", documentsOf, `{"documents":[{"id":"good","text":"words"},{"id":"bad",`+pdf+`},{"id":"worse",`+pdf+`}]}`, 202)
	operation := waitFor(me, got["operation"].(map[string]any)["id"].(string)) // the first PDF of a process starts the sandbox
	if operation["status"] != "partially_failed" {
		t.Fatalf("%v", operation)
	}
	if got := me.send("POST", documentsOf+"/good/retry", nil); got.status != 409 || got.code(t) != "conflict" {
		t.Errorf("one that has not failed: %d %s", got.status, got.body)
	}
	again := me.json("POST", documentsOf+"/bad/retry", nil, 202)
	if again["document"].(map[string]any)["status"] == "indexed" { // pending, or failed anew by the time it was read
		t.Errorf("%v", again)
	}
	first := waitFor(me, again["operation"].(map[string]any)["id"].(string))
	if first["status"] != "failed" || first["id"] == operation["id"] {
		t.Errorf("%v", first)
	}
	me.json("PUT", documentsOf+"/worse?wait=30s", `{"text":"better words"}`, 200)
	retried := me.json("POST", "/v1/operations/"+operation["id"].(string)+"/retry", nil, 202)
	if last := waitFor(me, retried["id"].(string)); last["status"] != "failed" || last["counts"].(map[string]any)["total"] != 1.0 {
		t.Errorf("only what is failed still: %v", last)
	}
	clean := me.json("POST", documentsOf+"?wait=30s", `{"documents":[{"id":"fine","text":"words"}]}`, 202)
	if got := me.send("POST", "/v1/operations/"+clean["operation"].(map[string]any)["id"].(string)+"/retry", nil); got.status != 409 {
		t.Errorf("without failures: %d %s", got.status, got.body)
	}
	if got := as(tenant.Reader).send("POST", documentsOf+"/bad/retry", nil); got.status != 403 {
		t.Errorf("as a reader: %d %s", got.status, got.body)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	operator, path := d.operator(), tenantsPath+"/acme/settings"
	objective := func(body map[string]any) any { return body["settings"].(map[string]any)["recall_objective"] }
	if got := objective(operator.json("PUT", path, `{"recall_objective":0.9,"theme":"dark"}`, 200)); got != 0.9 {
		t.Errorf("set: %v", got)
	}
	for _, bad := range []string{`{"recall_objective":0}`, `{"recall_objective":2}`, `{"recall_objective":"high"}`, `[]`, `null`, `7`} {
		if got := operator.send("PUT", path, strings.NewReader(bad), "Content-Type", "application/json"); got.status != 422 && got.status != 400 {
			t.Errorf("%s: %d %s", bad, got.status, got.body)
		}
	}
	if got := objective(operator.json("GET", tenantsPath+"/acme", nil, 200)); got != 0.9 {
		t.Errorf("a refused change left %v", got)
	}
	if got := objective(operator.json("PUT", path, `{}`, 200)); got != nil {
		t.Errorf("taken back: %v", got)
	}
	own := as(tenant.Admin)
	if got := objective(own.json("PUT", "/v1/tenant/settings", `{"recall_objective":0.95}`, 200)); got != 0.95 {
		t.Errorf("set by the tenant: %v", got)
	}
	for _, bad := range []string{`{"recall_objective":2}`, `[]`, `null`} {
		if got := own.send("PUT", "/v1/tenant/settings", strings.NewReader(bad)); got.status != 422 {
			t.Errorf("%s by the tenant: %d %s", bad, got.status, got.body)
		}
	}
	if got := objective(operator.json("GET", tenantsPath+"/acme", nil, 200)); got != 0.95 {
		t.Errorf("the operator sees %v", got)
	}
	if got := as(tenant.Writer).send("PUT", "/v1/tenant/settings", strings.NewReader(`{}`)); got.status != 403 {
		t.Errorf("with a writer's key: %d %s", got.status, got.body)
	}
	plans := operator.json("GET", "/admin/v1/plans", nil, 200)["data"].([]any)
	if first := plans[0].(map[string]any); len(plans) != 3 || first["name"] != "trial" || first["limits"].(map[string]any)["queue_documents"] != 50000.0 {
		t.Errorf("plans: %v", plans)
	}
	if got := as(tenant.Admin).send("PUT", path, strings.NewReader(`{}`), "Content-Type", "application/json"); got.status != 401 && got.status != 403 {
		t.Errorf("with the tenant's own key: %d %s", got.status, got.body)
	}
}
