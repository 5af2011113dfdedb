package api

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lindero/tenant"
)

// contract is every route of this part of the HTTP contract.
var contract = strings.Fields(`
	PUT/v1/collections/{name} GET/v1/collections GET/v1/collections/{name} DELETE/v1/collections/{name}
	PUT/v1/collections/{name}/documents/{id} POST/v1/collections/{name}/documents GET/v1/collections/{name}/documents
	GET/v1/collections/{name}/documents/{id} GET/v1/collections/{name}/documents/{id}/chunks
	GET/v1/collections/{name}/documents/{id}/content PATCH/v1/collections/{name}/documents/{id}
	DELETE/v1/collections/{name}/documents/{id} POST/v1/collections/{name}/documents/delete
	POST/v1/collections/{name}/documents/lookup
	GET/v1/operations GET/v1/operations/{id} GET/v1/operations/{id}/events POST/v1/operations/{id}/cancel
	POST/v1/search POST/v1/search/batch POST/v1/collections/{name}/recall GET/v1/tenant PUT/v1/tenant/settings GET/v1/keys POST/v1/keys DELETE/v1/keys/{id} POST/v1/keys/{id}/rotate
	GET/v1/webhooks POST/v1/webhooks DELETE/v1/webhooks/{id}
	POST/v1/operations/{id}/retry POST/v1/collections/{name}/documents/{id}/retry PUT/admin/v1/tenants/{ref}/limits PUT/admin/v1/tenants/{ref}/settings
	POST/admin/v1/tenants GET/admin/v1/tenants GET/admin/v1/tenants/{ref} PATCH/admin/v1/tenants/{ref}
	DELETE/admin/v1/tenants/{ref} POST/admin/v1/tenants/{ref}/suspend POST/admin/v1/tenants/{ref}/activate
	GET/admin/v1/tenants/{ref}/keys POST/admin/v1/tenants/{ref}/keys DELETE/admin/v1/tenants/{ref}/keys/{id}
	GET/admin/v1/alerts GET/admin/v1/plans
	GET/admin/v1/tenants/{ref}/placement POST/admin/v1/tenants/{ref}/placement
	GET/livez GET/readyz GET/metrics GET/openapi.json GET/docs`)

func TestOpenAPIListsTheContract(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	document := caller{d: d}.json("GET", "/openapi.json", nil, 200)
	if version, _ := document["openapi"].(string); !strings.HasPrefix(version, "3.1") {
		t.Errorf("version %v", document["openapi"])
	}
	var served []string
	for path, item := range document["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			served = append(served, strings.ToUpper(method)+path)
		}
	}
	for _, route := range contract {
		if !slices.Contains(served, route) {
			t.Errorf("%s is not documented", route)
		}
	}
	for _, route := range served {
		if !slices.Contains(contract, route) {
			t.Errorf("%s is documented, not in the contract", route)
		}
	}
	page := caller{d: d}.send("GET", "/docs", nil)
	if page.status != 200 || strings.Contains(string(page.body), "://") || !strings.Contains(page.header.Get("Content-Security-Policy"), "sha256-") {
		t.Errorf("the docs page loads from elsewhere or has no policy: %v", page.header)
	}
}

// TestAnswersMatchTheirSchemas walks the happy path and validates each answer against what OpenAPI says of it.
func TestAnswersMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me, platform := as(tenant.Admin), d.operator()
	step := func(c caller, method, path, pattern, body string, want int) map[string]any {
		t.Helper()
		var reader io.Reader
		if body != "" {
			reader = strings.NewReader(body)
		}
		got := c.send(method, path, reader, "Content-Type", "application/json")
		if got.status != want {
			t.Fatalf("%s %s: %d, want %d: %s", method, path, got.status, want, got.body)
		}
		d.conforms(method, pattern, got)
		if len(got.body) == 0 {
			return nil
		}
		return got.object(t)
	}
	const doc = documentsPath + "/{id}"
	step(me, "PUT", "/v1/collections/notes", "/v1/collections/{name}", `{"description":"d","language":"es","chunking":{"strategy":"none"},"metadata":{"a":1}}`, 201)
	step(me, "PUT", "/v1/collections/notes", "/v1/collections/{name}", `{"description":"e"}`, 200)
	step(me, "GET", "/v1/collections", "/v1/collections", "", 200)
	put := step(me, "PUT", "/v1/collections/notes/documents/one?wait=30s", doc, `{"title":"Uno","text":"el zorro veloz","metadata":{"n":1,"tags":["x"]}}`, 201)
	if put["status"] != "indexed" || put["document"].(map[string]any)["status"] != "indexed" {
		t.Errorf("not indexed after the wait: %v", put)
	}
	if again := step(me, "PUT", "/v1/collections/notes/documents/one", doc, `{"title":"Uno","text":"el zorro veloz","metadata":{"n":1,"tags":["x"]}}`, 200); again["unchanged"] != true {
		t.Errorf("unchanged: %v", again)
	}
	accepted := step(me, "PUT", "/v1/collections/notes/documents/two", doc, `{"text":"otro texto"}`, 202)
	operation := accepted["operation"].(map[string]any)["id"].(string)
	step(me, "POST", "/v1/collections/notes/documents?wait=30s", documentsPath, `{"documents":[{"id":"three","text":"perro"},{"id":"","text":"x"},{"txt":1}]}`, 202)
	step(me, "GET", "/v1/collections/notes", "/v1/collections/{name}", "", 200)
	step(me, "GET", "/v1/collections/notes/documents?status=indexed&filter="+url.QueryEscape(`{"n":1}`), documentsPath, "", 200)
	step(me, "GET", "/v1/collections/notes/documents/one", doc, "", 200)
	step(me, "GET", "/v1/collections/notes/documents/one/chunks", doc+"/chunks", "", 200)
	step(me, "PATCH", "/v1/collections/notes/documents/one", doc, `{"title":"Eins"}`, 200)
	step(me, "GET", "/v1/operations/"+operation, "/v1/operations/{id}", "", 200)
	step(me, "GET", "/v1/operations", "/v1/operations", "", 200)
	if got := me.send("POST", "/v1/operations/"+operation+"/cancel", nil); got.status == 200 { // 409 when it has ended already
		d.conforms("POST", "/v1/operations/{id}/cancel", got)
	} else if got.status != 409 || got.code(t) != "conflict" {
		t.Errorf("cancel: %d %s", got.status, got.body)
	}
	step(me, "POST", "/v1/collections/notes/recall", "/v1/collections/{name}/recall", `{"queries":3}`, 200)
	found := step(me, "POST", "/v1/search", "/v1/search", `{"query":"zorro","collections":["notes"],"include":["text","metadata","highlights","vector"],"explain":true}`, 200)
	if hits := found["results"].([]any); len(hits) == 0 || hits[0].(map[string]any)["document_id"] != "one" || found["request_id"] == "" {
		t.Errorf("search: %v", found)
	}
	batch := step(me, "POST", "/v1/search/batch", "/v1/search/batch", `{"searches":[{"query":"zorro","collections":["notes"]},{"nonsense":1},{"query":""}]}`, 200)
	if r := batch["results"].([]any); len(r) != 3 || r[0].(map[string]any)["results"] == nil || r[1].(map[string]any)["code"] != "invalid_request" || r[2].(map[string]any)["status"] != 422.0 {
		t.Errorf("batch: %v", batch)
	}
	step(me, "POST", "/v1/collections/notes/documents/delete", documentsPath+"/delete", `{"filter":{"n":1}}`, 200)
	step(me, "DELETE", "/v1/collections/notes/documents/two", doc, "", 204)
	step(me, "GET", "/v1/tenant", "/v1/tenant", "", 200)
	key := step(me, "POST", "/v1/keys", "/v1/keys", `{"name":"k","role":"reader"}`, 201)
	rotated := step(me, "POST", "/v1/keys/"+key["id"].(string)+"/rotate", "/v1/keys/{id}/rotate", "", 200)
	if rotated["key"] == key["key"] || rotated["key"] == nil {
		t.Errorf("rotation: %v", rotated)
	}
	step(me, "GET", "/v1/keys", "/v1/keys", "", 200)
	step(me, "DELETE", "/v1/keys/"+rotated["id"].(string), "/v1/keys/{id}", "", 204)
	hook := step(me, "POST", "/v1/webhooks", "/v1/webhooks", `{"url":"https://hook.example/x?y=1","events":["operation.finished"]}`, 201)
	if hook["secret"] == nil || hook["status"] != "active" {
		t.Errorf("webhook: %v", hook)
	}
	step(me, "PUT", "/v1/collections/notes/documents/four?wait=30s", doc, `{"text":"cuatro"}`, 201)
	hooks := step(me, "GET", "/v1/webhooks", "/v1/webhooks", "", 200)["data"].([]any)
	if first := hooks[0].(map[string]any); len(hooks) != 1 || first["id"] != hook["id"] || first["secret"] != nil {
		t.Errorf("webhooks: %v", hooks)
	}
	step(me, "DELETE", "/v1/webhooks/"+hook["id"].(string), "/v1/webhooks/{id}", "", 204)
	step(me, "DELETE", "/v1/collections/notes", "/v1/collections/{name}", "", 204)
	step(platform, "GET", tenantsPath+"?state=active", tenantsPath, "", 200)
	step(platform, "GET", tenantsPath+"/acme", tenantsPath+"/{ref}", "", 200)
	step(platform, "GET", "/admin/v1/alerts", "/admin/v1/alerts", "", 200)
	step(platform, "PATCH", tenantsPath+"/acme", tenantsPath+"/{ref}", `{"name":"Acme S.A.","metadata":{"a":1}}`, 200)
	step(platform, "POST", tenantsPath+"/acme/suspend", tenantsPath+"/{ref}/suspend", "", 200)
	suspended := me.send("GET", "/v1/tenant", nil)
	for deadline := time.Now().Add(10 * time.Second); suspended.status == 200 && time.Now().Before(deadline); { // processes hear of it a moment later
		suspended = me.send("GET", "/v1/tenant", nil)
	}
	if suspended.status != 403 || suspended.code(t) != "tenant_suspended" {
		t.Errorf("suspended: %d %s", suspended.status, suspended.body)
	}
	step(platform, "POST", tenantsPath+"/acme/activate", tenantsPath+"/{ref}/activate", "", 200)
	step(platform, "GET", tenantsPath+"/acme/keys", tenantsPath+"/{ref}/keys", "", 200)
	step(platform, "GET", tenantsPath+"/acme/placement", tenantsPath+"/{ref}/placement", "", 200)
	placed := step(platform, "POST", tenantsPath+"/acme/placement", tenantsPath+"/{ref}/placement", `{"collection":"default","kind":"hnsw"}`, 202)
	if collections := placed["collections"].([]any); collections[0].(map[string]any)["forced"] != "hnsw" {
		t.Errorf("placement: %v", placed)
	}
	step(platform, "DELETE", tenantsPath+"/acme", tenantsPath+"/{ref}", "", 202)
	if got := platform.send("GET", tenantsPath+"/acme", nil); got.status != 404 {
		t.Errorf("GET after DELETE: %d %s", got.status, got.body)
	}
}

// conforms validates an answer against the schema documented for its route and status.
func (d *deployment) conforms(method, pattern string, got reply) {
	d.t.Helper()
	item := d.server.api.OpenAPI().Paths[pattern]
	op := map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete}[method]
	response := op.Responses[statusText(got.status)]
	if response == nil {
		d.t.Errorf("%s %s: status %d is not documented", method, pattern, got.status)
		return
	}
	if got.status == http.StatusNoContent {
		return
	}
	var body any
	must(d.t, json.Unmarshal(got.body, &body))
	result := &huma.ValidateResult{}
	huma.Validate(d.server.api.OpenAPI().Components.Schemas, response.Content["application/json"].Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, body, result)
	for _, err := range result.Errors {
		d.t.Errorf("%s %s %d: %v", method, pattern, got.status, err)
	}
}

func statusText(status int) string {
	text, _ := json.Marshal(status)
	return string(text)
}
