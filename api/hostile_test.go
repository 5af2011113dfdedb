package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lindero/tenant"
)

// TestHostileRequests sends what must be refused, and wants the status, the code, a problem's form and nothing
// of the inside in the answer.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	id, as := d.tenant("victim")
	d.tenant("other")
	admin, writer, reader := as(tenant.Admin), as(tenant.Writer), as(tenant.Reader)
	nobody := caller{d: d}
	admin.json("PUT", "/v1/collections/ext", `{"embedding":{"provider":"external","dimensions":3}}`, 201)
	writer.json("PUT", "/v1/collections/default/documents/a?wait=30s", `{"text":"some words"}`, 201)

	docs, long := "/v1/collections/default/documents", strings.Repeat("x", 600)
	deep := strings.Repeat(`{"$not":`, 70) + `{}` + strings.Repeat(`}`, 70)
	big := `{"text":"` + strings.Repeat("a", jsonLimit) + `"}`
	for i, c := range []struct {
		who          caller
		method, path string
		body         string
		headers      string // name: value; a JSON content type when empty
		status       int
		code         string
	}{
		// Who is asking.
		{nobody, "GET", "/v1/tenant", "", "", 401, "unauthenticated"},
		{caller{d, "nonsense"}, "GET", "/v1/tenant", "", "", 401, "unauthenticated"},
		{caller{d, writer.key + "x"}, "GET", "/v1/tenant", "", "", 401, "unauthenticated"},
		{caller{d, platformKey}, "GET", "/v1/tenant", "", "", 401, "unauthenticated"},
		{caller{d, "lk_" + strings.Repeat("0", 5000)}, "GET", "/v1/tenant", "", "", 401, "unauthenticated"},
		{nobody, "GET", "/v1/tenant", "", "Authorization: Basic YTpi", 401, "unauthenticated"},
		{nobody, "GET", "/v1/tenant", "", "Authorization: Bearer", 401, "unauthenticated"},
		{reader, "GET", "/v1/tenant", "", "X-API-Key: another", 401, "unauthenticated"},
		{reader, "GET", "/v1/tenant", "", "X-Tenant-ID: other", 403, "tenant_mismatch"},
		{reader, "GET", "/v1/tenant", "", "X-Tenant-ID: 00000000-0000-0000-0000-000000000000", 403, "tenant_mismatch"},
		{reader, "PUT", docs + "/b", `{"text":"x"}`, "", 403, "forbidden"},
		{reader, "DELETE", docs + "/a", "", "", 403, "forbidden"},
		{writer, "PUT", "/v1/collections/new", `{}`, "", 403, "forbidden"},
		{writer, "POST", "/v1/keys", `{"name":"k","role":"admin"}`, "", 403, "forbidden"},
		{admin, "GET", "/admin/v1/tenants", "", "", 403, "forbidden"},
		{nobody, "GET", "/admin/v1/tenants", "", "", 401, "unauthenticated"},
		{caller{d, platformKey + "x"}, "GET", "/admin/v1/tenants", "", "", 401, "unauthenticated"},
		// Paths and methods.
		{admin, "GET", "/v2/tenant", "", "", 404, "not_found"},
		{admin, "GET", "/v1/tenant/", "", "", 404, "not_found"},
		{admin, "GET", "/../../etc/passwd", "", "", 404, "not_found"},
		{admin, "DELETE", "/v1/tenant", "", "", 405, "invalid_request"},
		{admin, "PATCH", "/v1/search", "", "", 405, "invalid_request"},
		{admin, "TRACE", "/v1/search", "", "", 405, "invalid_request"},
		{admin, "GET", docs + "/%FF", "", "", 400, "invalid_request"},
		{admin, "GET", docs + "/a%00b", "", "", 400, "invalid_request"},
		{writer, "PUT", docs + "/a%0Ab", `{"text":"x"}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/" + long, `{"text":"x"}`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/UPPER", `{}`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/-x", `{}`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/" + long, `{}`, "", 422, "invalid_request"},
		{admin, "GET", "/v1/collections/absent", "", "", 404, "not_found"},
		{admin, "DELETE", "/v1/collections/absent", "", "", 404, "not_found"},
		{writer, "PUT", "/v1/collections/absent/documents/a", `{"text":"x"}`, "", 404, "not_found"},
		{writer, "PATCH", docs + "/absent", `{"title":"x"}`, "", 404, "not_found"},
		{writer, "DELETE", docs + "/absent", "", "", 404, "not_found"},
		{reader, "GET", docs + "/..%2F..%2Fa", "", "", 404, "not_found"},
		{reader, "GET", "/v1/operations/not-a-uuid", "", "", 404, "not_found"},
		{reader, "GET", "/v1/operations/" + id, "", "", 404, "not_found"},
		{reader, "GET", "/v1/operations/" + id + "/events", "", "", 404, "not_found"},
		{admin, "DELETE", "/v1/keys/absent", "", "", 404, "not_found"},
		// Queries.
		{reader, "GET", "/v1/collections?limit=0", "", "", 422, "invalid_request"},
		{reader, "GET", "/v1/collections?limit=1001", "", "", 422, "invalid_request"},
		{reader, "GET", "/v1/collections?limit=ten", "", "", 422, "invalid_request"},
		{reader, "GET", "/v1/collections?limit=1&limit=2", "", "", 422, "invalid_request"},
		{reader, "GET", "/v1/collections?cursor=AAAA", "", "", 422, "invalid_request"},
		{reader, "GET", "/v1/collections?cursor=%3Cscript%3E", "", "", 422, "invalid_request"},
		{reader, "GET", "/v1/collections?surprise=1", "", "", 422, "invalid_request"},
		{reader, "GET", "/v1/collections?cursor=%ZZ", "", "", 400, "invalid_request"},
		{reader, "GET", docs + "?status=lost", "", "", 422, "invalid_request"},
		{reader, "GET", docs + "?filter=%7B", "", "", 0, "invalid_request"},
		{reader, "GET", docs + "?filter=%7B%22a%22%3A%7B%22%24where%22%3A1%7D%7D", "", "", 422, "invalid_request"},
		{reader, "GET", "/v1/operations?status=lost", "", "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b?wait=61s", `{"text":"x"}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b?wait=-1s", `{"text":"x"}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b?wait=soon", `{"text":"x"}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b?metadata=%5B1%5D", `x`, "Content-Type: text/plain", 422, "invalid_request"},
		{writer, "PUT", docs + "/b?title=x", `{"text":"x"}`, "", 422, "invalid_request"},
		// Bodies as such.
		{reader, "POST", "/v1/search", "", "", 400, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":`, "", 400, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a"}{}`, "", 400, "invalid_request"},
		{reader, "POST", "/v1/search", "{\"query\":\"\xff\"}", "", 400, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a\u0000"}`, "", 400, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","filter":` + deep + `}`, "", 400, "invalid_request"},
		{reader, "POST", "/v1/search", `[]`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a"}`, "Content-Type: text/xml", 415, "unsupported_media_type"},
		{reader, "POST", "/v1/search", `query=a`, "Content-Type: application/x-www-form-urlencoded", 415, "unsupported_media_type"},
		{reader, "POST", "/v1/search", `{"query":"a"}`, "Content-Type: application/json; charset=latin1", 415, "unsupported_media_type"},
		{reader, "POST", "/v1/search", `{"query":"a"}`, "Content-Encoding: gzip", 415, "unsupported_media_type"},
		{writer, "PUT", docs + "/b", big, "", 413, "payload_too_large"},
		{writer, "PUT", docs + "/b", strings.Repeat("a", fileLimit+1), "Content-Type: text/plain", 413, "payload_too_large"},
		// Searches.
		{reader, "POST", "/v1/search", `{}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","nonsense":1}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":1}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","top_k":0}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","top_k":1001}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","offset":-1}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","mode":"magic"}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","include":["secrets"]}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","filter":{"x":{"$regex":"a"}}}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"vector":[1,2]}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"vector":[1e99,0,0],"collections":["ext"]}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"vector":[0,0,0],"collections":["ext"]}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"vector":[1,"2",3],"collections":["ext"]}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"vector":[1,null,3],"collections":["ext"]}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"vector":[1` + strings.Repeat(",1", 4000) + `],"collections":["ext"]}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","collections":["absent"]}`, "", 404, "not_found"},
		{reader, "POST", "/v1/search", `{"query":"a","tenant":"other"}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `null`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", ``, "", 400, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","filter":{"x":{"$not":3}}}`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/other", `null`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/other", `{"language":"xx"}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b", `{"text":"x","metadata":{"a":1e999}}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","rerank":{}}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","mmr":{}}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","mmr":{"lambda":1.5}}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search", `{"query":"a","mmr":{"lambda":0.5,"k":1}}`, "", 422, "invalid_request"},
		{reader, "POST", "/v1/search/batch", `{"searches":[]}`, "", 422, "invalid_request"},
		// Documents.
		{writer, "PUT", docs + "/b", `{}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b", `{"text":"x","metadata":{"a":{"b":1}}}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b", `{"text":"x","metadata":{"$id":"z"}}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b", `{"content":"%%%","content_type":"text/plain"}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b", `{"content":"YQ==","text":"x"}`, "", 422, "invalid_request"},
		{writer, "PUT", docs + "/b", `x`, "Content-Type: image/png", 415, "unsupported_media_type"},
		{writer, "PUT", docs + "/b", `x`, "Content-Type: application/x-www-form-urlencoded", 415, "unsupported_media_type"},
		{writer, "PUT", "/v1/collections/ext/documents/b", `{"text":"x"}`, "", 422, "invalid_request"},
		{writer, "PUT", "/v1/collections/ext/documents/b", `{"chunks":[{"text":"x","vector":[1,2]}]}`, "", 422, "invalid_request"},
		{writer, "PUT", "/v1/collections/ext/documents/b", `{"chunks":[{"text":"x","vector":[0,0,0]}]}`, "", 422, "invalid_request"},
		{writer, "PATCH", docs + "/a", `{}`, "", 422, "invalid_request"},
		{writer, "PATCH", docs + "/a", `{"text":"x"}`, "", 422, "invalid_request"},
		{writer, "POST", docs, `{"documents":[]}`, "", 422, "invalid_request"},
		{writer, "POST", docs, ``, "Content-Type: application/x-ndjson", 422, "invalid_request"},
		{writer, "POST", docs, `x`, "Content-Type: multipart/form-data", 400, "invalid_request"},
		{writer, "POST", docs, `x`, "Content-Type: multipart/form-data; boundary=b", 400, "invalid_request"},
		{writer, "POST", docs, `x`, "Content-Type: text/csv", 415, "unsupported_media_type"},
		{writer, "POST", docs + "/delete", `{}`, "", 422, "invalid_request"},
		{writer, "POST", docs + "/delete", `{"filter":{}}`, "", 422, "invalid_request"},
		{writer, "POST", docs + "/delete", `{"ids":["a"],"filter":{"x":1}}`, "", 422, "invalid_request"},
		// Collections, keys and tenants.
		{admin, "PUT", "/v1/collections/c", `{"embedding":{"provider":"magic"}}`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/c", `{"embedding":{"provider":"external"}}`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/c", `{"embedding":{"provider":"external","dimensions":4001}}`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/c", `{"language":"klingon"}`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/c", `{"chunking":{"strategy":"magic"}}`, "", 422, "invalid_request"},
		{admin, "PUT", "/v1/collections/default", `{"embedding":{"provider":"external","dimensions":3}}`, "", 409, "conflict"},
		{admin, "POST", "/v1/keys", `{"name":"k","role":"root"}`, "", 422, "invalid_request"},
		{admin, "POST", "/v1/keys", `{"name":"","role":"reader"}`, "", 422, "invalid_request"},
		{admin, "POST", "/v1/keys", `{"name":"k","role":"reader","expires_at":"2001-01-01T00:00:00Z"}`, "", 422, "invalid_request"},
		{d.operator(), "POST", "/admin/v1/tenants", `{"slug":"www","name":"x"}`, "", 422, "invalid_request"},
		{d.operator(), "POST", "/admin/v1/tenants", `{"slug":"Ä","name":"x"}`, "", 422, "invalid_request"},
		{d.operator(), "POST", "/admin/v1/tenants", `{"slug":"victim","name":"x"}`, "", 409, "conflict"},
		{d.operator(), "POST", "/admin/v1/tenants", `{"slug":"fresh","name":"x","plan":"gold"}`, "", 422, "invalid_request"},
		{d.operator(), "GET", "/admin/v1/tenants/absent", "", "", 404, "not_found"},
		{d.operator(), "GET", "/admin/v1/tenants/" + id[:35] + "x", "", "", 404, "not_found"},
	} {
		t.Run(fmt.Sprintf("%03d %s %.60s", i, c.method, c.path), func(t *testing.T) {
			headers := []string{"Content-Type", "application/json"}
			if name, value, ok := strings.Cut(c.headers, ": "); ok {
				if name == "Content-Type" {
					headers = nil
				}
				headers = append(headers, name, value)
			}
			if strings.HasPrefix(c.headers, "Authorization: Bearer") && c.headers == "Authorization: Bearer" {
				headers = []string{"Authorization", "Bearer "}
			}
			got := c.who.send(c.method, c.path, strings.NewReader(c.body), headers...)
			if c.status != 0 && got.status != c.status || got.status < 400 || got.status >= 500 {
				t.Errorf("status %d, want %d: %.500s", got.status, c.status, got.body)
			}
			if code := got.code(t); code != c.code {
				t.Errorf("code %q, want %q: %.500s", code, c.code, got.body)
			}
			problem := got.object(t)
			if problem["request_id"] != got.header.Get("X-Request-ID") || problem["status"] != float64(got.status) || problem["title"] == "" || problem["detail"] == "" {
				t.Errorf("not a whole problem: %s", got.body)
			}
			for _, inside := range []string{"pgx", "SQLSTATE", "goroutine", ".go:", "lindero_app", "SELECT "} {
				if strings.Contains(string(got.body), inside) {
					t.Errorf("%q in the body: %s", inside, got.body)
				}
			}
			if got.status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			if got.status == http.StatusUnauthorized && got.header.Get("WWW-Authenticate") == "" {
				t.Error("401 without WWW-Authenticate")
			}
		})
	}
}
