package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"lindero/tenant"
)

// isolationCase is one route asked by tenant B for what is tenant A's. Absent is the same request for what
// nobody has: both answers must be equal but for what the caller itself sent.
type isolationCase struct {
	path, absent string // {op}, {key} and {cursor:list} stand for A's
	body         string
	// own says that the route names nothing: B gets its own answer, in which secret must not occur.
	own bool
}

const secret = "quetzal"

// isolationCases has every route of /v1; a route without a case fails the test.
var isolationCases = map[string]isolationCase{
	"PUT /v1/collections/{name}":                        {path: "/v1/collections/private", own: true, body: `{}`},
	"GET /v1/collections":                               {path: "/v1/collections", own: true},
	"GET /v1/collections/{name}":                        {path: "/v1/collections/hidden", absent: "/v1/collections/nobody"},
	"DELETE /v1/collections/{name}":                     {path: "/v1/collections/hidden", absent: "/v1/collections/nobody"},
	"PUT /v1/collections/{name}/documents/{id}":         {path: "/v1/collections/hidden/documents/a", absent: "/v1/collections/nobody/documents/a", body: `{"text":"x"}`},
	"GET /v1/collections/{name}/documents":              {path: "/v1/collections/hidden/documents", absent: "/v1/collections/nobody/documents"},
	"POST /v1/collections/{name}/documents":             {path: "/v1/collections/hidden/documents", absent: "/v1/collections/nobody/documents", body: `{"documents":[{"id":"a","text":"x"}]}`},
	"GET /v1/collections/{name}/documents/{id}":         {path: "/v1/collections/default/documents/a", absent: "/v1/collections/default/documents/z"},
	"PATCH /v1/collections/{name}/documents/{id}":       {path: "/v1/collections/default/documents/a", absent: "/v1/collections/default/documents/z", body: `{"title":"x"}`},
	"DELETE /v1/collections/{name}/documents/{id}":      {path: "/v1/collections/default/documents/a", absent: "/v1/collections/default/documents/z"},
	"POST /v1/collections/{name}/documents/delete":      {path: "/v1/collections/default/documents/delete", absent: "/v1/collections/default/documents/delete", body: `{"ids":["a"]}`},
	"POST /v1/collections/{name}/documents/lookup":      {path: "/v1/collections/hidden/documents/lookup", absent: "/v1/collections/nobody/documents/lookup", body: `{"ids":["a"]}`},
	"GET /v1/collections/{name}/documents/{id}/chunks":  {path: "/v1/collections/default/documents/a/chunks", absent: "/v1/collections/default/documents/z/chunks"},
	"GET /v1/collections/{name}/documents/{id}/content": {path: "/v1/collections/default/documents/a/content", absent: "/v1/collections/default/documents/z/content"},
	"POST /v1/collections/{name}/documents/{id}/retry":  {path: "/v1/collections/default/documents/a/retry", absent: "/v1/collections/default/documents/z/retry"},
	"POST /v1/operations/{id}/retry":                    {path: "/v1/operations/{op}/retry", absent: "/v1/operations/11111111-1111-4111-8111-111111111111/retry"},
	"GET /v1/operations":                                {path: "/v1/operations", own: true},
	"GET /v1/operations/{id}":                           {path: "/v1/operations/{op}", absent: "/v1/operations/11111111-1111-4111-8111-111111111111"},
	"POST /v1/operations/{id}/cancel":                   {path: "/v1/operations/{op}/cancel", absent: "/v1/operations/11111111-1111-4111-8111-111111111111/cancel"},
	"GET /v1/operations/{id}/events":                    {path: "/v1/operations/{op}/events", absent: "/v1/operations/11111111-1111-4111-8111-111111111111/events"},
	"POST /v1/search":                                   {path: "/v1/search", own: true, body: `{"query":"quetzal"}`},
	"POST /v1/search/batch":                             {path: "/v1/search/batch", own: true, body: `{"searches":[{"query":"quetzal"},{"query":"quetzal","filter":{"$id":"a"}}]}`},
	"POST /v1/collections/{name}/recall":                {path: "/v1/collections/hidden/recall", absent: "/v1/collections/nobody/recall", body: `{}`},
	"GET /v1/tenant":                                    {path: "/v1/tenant", own: true},
	"PUT /v1/tenant/settings":                           {path: "/v1/tenant/settings", own: true, body: `{"theme":"dark"}`},
	"GET /v1/webhooks":                                  {path: "/v1/webhooks", own: true},
	"POST /v1/webhooks":                                 {path: "/v1/webhooks", own: true, body: `{"url":"https://example.com/b","events":["operation.finished"]}`},
	"DELETE /v1/webhooks/{id}":                          {path: "/v1/webhooks/{hook}", absent: "/v1/webhooks/11111111-1111-4111-8111-111111111111"},
	"GET /v1/keys":                                      {path: "/v1/keys", own: true},
	"POST /v1/keys":                                     {path: "/v1/keys", own: true, body: `{"name":"k","role":"reader"}`},
	"DELETE /v1/keys/{id}":                              {path: "/v1/keys/{key}", absent: "/v1/keys/nobodyskey"},
	"POST /v1/keys/{id}/rotate":                         {path: "/v1/keys/{key}/rotate", absent: "/v1/keys/nobodyskey/rotate"},
}

func TestNothingCrossesBetweenTenants(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	idA, asA := d.tenant("tenant-a")
	_, asB := d.tenant("tenant-b")
	a, b := asA(tenant.Admin), asB(tenant.Admin)
	a.json("PUT", "/v1/collections/hidden", `{"description":"quetzal"}`, 201)
	hook := a.json("POST", "/v1/webhooks", `{"url":"https://quetzal.example/","events":["operation.finished"]}`, 201)
	put := a.json("PUT", "/v1/collections/default/documents/a?wait=30s", `{"title":"quetzal","text":"quetzal plumage","metadata":{"s":"quetzal"}}`, 201)
	keys := a.json("GET", "/v1/keys", nil, 200)["data"].([]any)
	names := strings.NewReplacer("{op}", put["operation"].(map[string]any)["id"].(string), "{key}", keys[0].(map[string]any)["id"].(string),
		"{hook}", hook["id"].(string))

	missing := map[string]bool{}
	for path, item := range d.server.api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete} {
			if strings.HasPrefix(path, "/v1/") && op != nil {
				missing[method+" "+path] = true
			}
		}
	}
	for _, route := range slices.Sorted(maps.Keys(isolationCases)) {
		c := isolationCases[route]
		delete(missing, route)
		method, _, _ := strings.Cut(route, " ")
		ask := func(path string) reply {
			return b.send(method, path, strings.NewReader(c.body), "Content-Type", "application/json", "X-Request-ID", "same")
		}
		theirs := ask(names.Replace(c.path))
		if c.own {
			if theirs.status >= 300 || strings.Contains(string(theirs.body), secret) || strings.Contains(string(theirs.body), idA) {
				t.Errorf("%s: %d %s", route, theirs.status, theirs.body)
			}
			continue
		}
		nobodys := ask(c.absent)
		// What the caller itself sent may come back in the detail, so it is blanked.
		blank := func(body []byte, path string) string {
			text := string(body)
			for part := range strings.SplitSeq(path, "/") {
				if part != "" {
					text = strings.ReplaceAll(strings.ReplaceAll(text, " "+part+" ", " … "), `\"`+part+`\"`, "…")
				}
			}
			return text
		}
		if theirs.status != nobodys.status || (theirs.status != http.StatusNotFound && route != "POST /v1/collections/{name}/documents/delete") {
			t.Errorf("%s: %d for A's, %d for nobody's", route, theirs.status, nobodys.status)
		}
		if x, y := blank(theirs.body, names.Replace(c.path)), blank(nobodys.body, c.absent); x != y {
			t.Errorf("%s: the bodies differ:\n%s\n%s", route, x, y)
		}
	}
	if len(missing) > 0 {
		t.Errorf("routes without a case: %v", slices.Sorted(maps.Keys(missing)))
	}
	if got := a.json("GET", "/v1/collections/default/documents/a", nil, 200); got["title"] != secret {
		t.Errorf("A's document was changed: %v", got)
	}
	a.json("GET", "/v1/collections/hidden", nil, 200)
	if left := a.json("GET", "/v1/webhooks", nil, 200)["data"].([]any); len(left) != 1 {
		t.Errorf("A's webhooks were changed: %v", left)
	}
	if left := a.json("GET", "/v1/keys", nil, 200)["data"].([]any); len(left) != len(keys) || left[0].(map[string]any)["revoked_at"] != nil {
		t.Errorf("A's keys were changed: %v", left)
	}
}

func TestCursorsOpenTheirOwnListOnly(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, asA := d.tenant("tenant-a")
	_, asB := d.tenant("tenant-b")
	a, b := asA(tenant.Admin), asB(tenant.Admin)
	for _, c := range []caller{a, b} {
		c.json("POST", "/v1/collections/default/documents?wait=30s", `{"documents":[{"id":"a","text":"x"},{"id":"b","text":"y"},{"id":"c","text":"z"}]}`, 202)
	}
	const docs = "/v1/collections/default/documents"
	first := a.json("GET", docs+"?limit=2", nil, 200)
	cursor := first["next_cursor"].(string)
	if first["has_more"] != true || len(first["data"].([]any)) != 2 {
		t.Fatalf("first page %v", first)
	}
	second := a.json("GET", docs+"?limit=2&cursor="+cursor, nil, 200)
	if second["has_more"] != false || len(second["data"].([]any)) != 1 || second["next_cursor"] != "" {
		t.Errorf("second page %v", second)
	}
	tampered := "A" + cursor[1:]
	if cursor[0] == 'A' {
		tampered = "B" + cursor[1:]
	}
	for name, ask := range map[string]func() reply{
		"another tenant": func() reply { return b.send("GET", docs+"?cursor="+cursor, nil) },
		"tampered":       func() reply { return a.send("GET", docs+"?cursor="+tampered, nil) },
		"cut":            func() reply { return a.send("GET", docs+"?cursor="+cursor[:8], nil) },
		"another list":   func() reply { return a.send("GET", "/v1/collections?cursor="+cursor, nil) },
		"another filter": func() reply { return a.send("GET", docs+"?status=indexed&cursor="+cursor, nil) },
		"the platform's": func() reply { return d.operator().send("GET", tenantsPath+"?cursor="+cursor, nil) },
	} {
		if got := ask(); got.status != 422 || got.code(t) != "invalid_request" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}
