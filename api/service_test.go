package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lindero/search"
	"lindero/tenant"
)

func TestIDsTravelUnharmed(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	for _, id := range []string{"a/b", "a+b", "100%", "%2F", "..", ".", "../../x", "ñandú 東京 🦊", "a?b#c&d=e", "x;y", strings.Repeat("漢", 512), "delete", `q"uo'te\`} {
		path := "/v1/collections/default/documents/" + strings.ReplaceAll(url.PathEscape(id), ".", "%2E")
		me.json("PUT", path, map[string]any{"text": "words"}, 202)
		if got := me.json("GET", path, nil, 200); got["id"] != id {
			t.Errorf("%q came back as %q", id, got["id"])
		}
		if got := me.send("DELETE", path, nil); got.status != 204 {
			t.Errorf("delete %q: %d %s", id, got.status, got.body)
		}
	}
}

func TestRawFiles(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	const path = "/v1/collections/default/documents/page"
	query := "?wait=30s&title=T%C3%ADtulo&url=https%3A%2F%2Fx.example&metadata=" + url.QueryEscape(`{"k":"v"}`)
	got := me.send("PUT", path+query, strings.NewReader("# Heading\n\nSome text."), "Content-Type", "text/markdown")
	doc := got.object(t)
	if got.status != 201 || doc["title"] != "Título" || doc["metadata"].(map[string]any)["k"] != "v" || doc["content_type"] != "text/markdown" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	content := me.send("GET", path+"/content", nil)
	if string(content.body) != "# Heading\n\nSome text." || content.header.Get("Content-Type") != "text/markdown" ||
		content.header.Get("Content-Disposition") != "attachment" || content.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("content %v %s", content.header, content.body)
	}
}

func TestRepliesToNDJSON(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	const path = "/v1/collections/default/documents?wait=30s"
	var lines strings.Builder
	for i := range 1200 { // three batches
		fmt.Fprintf(&lines, "{\"id\":\"d%d\",\"text\":\"text %d\"}\n\n", i, i)
	}
	lines.WriteString(`{"id":"cut","text":` + "\n" + `{"id":"unknown","txt":"x"}` + "\n" + `{"id":"long","text":"` + strings.Repeat("a", jsonLimit) + `"}` + "\n" + `{"id":"last","text":"no line end"}`)
	reply := me.send("POST", path, strings.NewReader(lines.String()), "Content-Type", "application/x-ndjson")
	got := reply.object(t)
	rejected := got["rejected"].([]any)
	if reply.status != 202 || got["accepted"] != 1201.0 || len(rejected) != 3 {
		t.Fatalf("%d %.600s", reply.status, reply.body)
	}
	for i, want := range []struct {
		index float64
		code  string
	}{{1200, "invalid_request"}, {1201, "invalid_request"}, {1202, "payload_too_large"}} {
		if r := rejected[i].(map[string]any); r["index"] != want.index || r["code"] != want.code {
			t.Errorf("rejection %d: %v", i, r)
		}
	}
	if op := got["operation"].(map[string]any); op["status"] != "succeeded" || op["counts"].(map[string]any)["total"] != 1201.0 {
		t.Errorf("operation %v", op)
	}
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	part := func(disposition, kind, body string) string {
		return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\nContent-Type: " + kind + "\r\n\r\n" + body + "\r\n"
	}
	body := part(`name="f"; filename="a.md"`, "application/octet-stream", "# A") + part(`name="f"; filename="b.txt"`, "text/plain", "B") +
		part(`name="note"`, "text/plain", "not a file") + part(`name="f"; filename="c.png"`, "image/png", "C") +
		part(`name="f"; filename="d.txt"`, "text/plain", strings.Repeat("d", fileLimit+1)) + "--b--\r\n"
	reply := me.send("POST", "/v1/collections/default/documents", strings.NewReader(body), "Content-Type", "multipart/form-data; boundary=b")
	got := reply.object(t)
	if reply.status != 202 || got["accepted"] != 2.0 || len(got["rejected"].([]any)) != 3 {
		t.Fatalf("%d %s", reply.status, reply.body)
	}
	if doc := me.json("GET", "/v1/collections/default/documents/a.md", nil, 200); doc["content_type"] != "text/markdown" {
		t.Errorf("the type of a.md: %v", doc["content_type"])
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	for kind, body := range map[string]string{
		"application/json":     `{"documents":[{"id":"a","text":"one"},{"id":"","text":"two"}]}`,
		"application/x-ndjson": "{\"id\":\"b\",\"text\":\"one\"}\n{\"id\":\"\"}\n",
	} {
		send := func(key, body string) reply {
			return me.send("POST", "/v1/collections/default/documents", strings.NewReader(body), "Content-Type", kind, "Idempotency-Key", key)
		}
		first := send("k-"+kind, body)
		again := send("k-"+kind, body)
		if first.status != 202 || again.status != 202 || string(first.body) != string(again.body) {
			t.Errorf("%s: replay differs:\n%d %s\n%d %s", kind, first.status, first.body, again.status, again.body)
		}
		if other := send("k-"+kind, body+" "); other.status != 422 || other.code(t) != "idempotency_mismatch" {
			t.Errorf("%s: another body: %d %s", kind, other.status, other.body)
		}
		bad := send("bad-"+kind, "")
		if good := send("bad-"+kind, body); bad.status < 400 || good.status != 202 {
			t.Errorf("%s: a refused request kept its key: %d, then %d %s", kind, bad.status, good.status, good.body)
		}
	}
}

// A client that goes away midway leaves what was accepted accepted, and its operation ends.
func TestHangUpMidway(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	u, err := url.Parse(d.url)
	must(t, err)
	conn, err := net.Dial("tcp", u.Host)
	must(t, err)
	_, err = fmt.Fprintf(conn, "POST /v1/collections/default/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n", me.key)
	must(t, err)
	var lines strings.Builder
	for i := range batchDocuments + 10 {
		fmt.Fprintf(&lines, "{\"id\":\"d%d\",\"text\":\"text\"}\n", i)
	}
	_, err = fmt.Fprintf(conn, "%x\r\n%s\r\n", lines.Len(), lines.String())
	must(t, err)
	eventually(t, func() bool {
		return len(me.json("GET", "/v1/collections/default/documents?limit=10", nil, 200)["data"].([]any)) == 10
	})
	must(t, conn.Close())
	eventually(t, func() bool {
		ops := me.json("GET", "/v1/operations", nil, 200)["data"].([]any)
		return len(ops) == 1 && ops[0].(map[string]any)["status"] == "succeeded"
	})
}

// eventually waits for what another process or connection brings about.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 30 s")
		}
	}
}

func TestEventsEndWithATerminalOne(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	put := me.json("PUT", "/v1/collections/default/documents/a", `{"text":"words"}`, 202)
	stream := me.send("GET", "/v1/operations/"+put["operation"].(map[string]any)["id"].(string)+"/events", nil)
	var events []string
	for scanner := bufio.NewScanner(strings.NewReader(string(stream.body))); scanner.Scan(); {
		if name, ok := strings.CutPrefix(scanner.Text(), "event: "); ok {
			events = append(events, name)
		}
	}
	if stream.header.Get("Content-Type") != "text/event-stream" || len(events) == 0 || events[len(events)-1] != "done" {
		t.Errorf("%v %q", stream.header, stream.body)
	}
}

func TestHeadersProbesAndLogs(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	me.json("PUT", "/v1/collections/default/documents/confidential-id?wait=30s", `{"text":"confidential text"}`, 201)
	me.json("POST", "/v1/search", `{"query":"confidential query"}`, 200)
	if got := me.send("GET", "/v1/tenant", nil, "X-Request-ID", "abc.DEF-1"); got.header.Get("X-Request-ID") != "abc.DEF-1" {
		t.Errorf("the caller's request id was not kept: %v", got.header)
	}
	if got := me.send("GET", "/v1/tenant", nil, "X-Request-ID", "a b"+strings.Repeat("c", 200)); strings.Contains(got.header.Get("X-Request-ID"), " ") {
		t.Errorf("an insane request id was kept: %v", got.header)
	}
	if got := me.send("HEAD", "/v1/tenant", nil); got.status != 200 || len(got.body) != 0 {
		t.Errorf("HEAD: %d %q", got.status, got.body)
	}
	if got := me.send("OPTIONS", "/v1/search", nil, "Origin", "https://evil.example"); got.status != 204 || !strings.Contains(got.header.Get("Allow"), "POST") || got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("OPTIONS: %d %v", got.status, got.header)
	}
	nobody := caller{d: d}
	if got := nobody.send("GET", "/metrics", nil); got.status != 200 || !strings.Contains(string(got.body), `lindero_http_requests_total{method="POST",route="/v1/search",status="200"} 1`) {
		t.Errorf("metrics: %d %s", got.status, got.body)
	}
	nobody.json("GET", "/livez", nil, 200)
	nobody.json("GET", "/readyz", nil, 200)
	d.unready = errBroken
	if got := nobody.send("GET", "/readyz", nil); got.status != 503 || got.header.Get("Retry-After") == "" || strings.Contains(string(got.body), "hunter2") {
		t.Errorf("unready: %d %v %s", got.status, got.header, got.body)
	}
	d.isolated = errBroken
	if got := me.send("GET", "/v1/tenant", nil); got.status != 503 || got.code(t) != "upstream_unavailable" || got.header.Get("Retry-After") == "" || strings.Contains(string(got.body), "hunter2") {
		t.Errorf("isolation not verified: %d %v %s", got.status, got.header, got.body)
	}
	logs := d.logs.String()
	for _, never := range []string{"confidential", me.key} {
		if strings.Contains(logs, never) {
			t.Errorf("the log has %q", never)
		}
	}
	for _, always := range []string{"request_id=abc.DEF-1", "route=/v1/search", "tenant="} {
		if !strings.Contains(logs, always) {
			t.Errorf("the log lacks %q", always)
		}
	}
}

// panicking is a search that panics.
type panicking struct{ Searcher }

func (panicking) Search(context.Context, search.Index, tenant.ID, search.Request) (search.Response, error) {
	panic("secret state")
}

func TestPanicsAreProblems(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Reader)
	d.server.cfg.Search = panicking{}
	got := me.send("POST", "/v1/search", strings.NewReader(`{"query":"a"}`), "Content-Type", "application/json")
	if got.status != 500 || got.code(t) != "internal" || strings.Contains(string(got.body), "secret state") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if !strings.Contains(d.logs.String(), "secret state") {
		t.Error("the panic is not in the log")
	}
}

func BenchmarkSearch(b *testing.B) {
	d := deploy(b)
	_, as := d.tenant("acme")
	me := as(tenant.Writer)
	me.json("PUT", "/v1/collections/default/documents/a?wait=30s", `{"text":"some words to be found"}`, 201)
	for b.Loop() {
		request, err := http.NewRequest("POST", d.url+"/v1/search", strings.NewReader(`{"query":"words"}`))
		must(b, err)
		request.Header.Set("Authorization", "Bearer "+me.key)
		response, err := http.DefaultClient.Do(request)
		must(b, err)
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}
