package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWebhookCommand runs the three commands against a server that answers as Lindero does.
func TestWebhookCommand(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+" "+string(body))
		switch r.Method {
		case http.MethodPost:
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"id":"w1","url":"https://example.com","events":["operation.finished"],"secret":"whsec_shown","status":"active","deliveries":[]}`)
		case http.MethodGet:
			_, _ = io.WriteString(w, `{"data":[
				{"id":"w1","url":"https://example.com","events":["operation.finished"],"status":"active","pending":0,"deliveries":[]},
				{"id":"w2","url":"https://example.org","events":["operation.finished"],"status":"failing","pending":3,"deliveries":[
					{"id":"d","status":"pending","attempts":2,"error":{"code":"timeout","detail":"the receiver did not answer in time"},"outcome_at":"2026-01-02T03:04:05Z"}]}],
				"has_more":false,"next_cursor":""}`)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("LINDERO_URL", server.URL)
	t.Setenv("LINDERO_API_KEY", "lk_test")
	lindero := func(args ...string) string {
		t.Helper()
		c := &console{ctx: t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
		if code := run(c, args); code != exitOK {
			t.Fatalf("lindero %v ended with %d: %s", args, code, c.err)
		}
		return c.out.(*screen).String()
	}
	if got := lindero("webhook", "add", "https://example.com"); got != "whsec_shown\n" {
		t.Errorf("add printed %q", got)
	}
	list := lindero("webhook", "list")
	for _, want := range []string{"w1", "failing", "after 2: the receiver did not answer in time", " 3 "} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q:\n%s", want, list)
		}
	}
	if got := lindero("webhook", "list", "--json"); !strings.HasPrefix(got, "[") {
		t.Errorf("--json printed %q", got)
	}
	lindero("webhook", "remove", "w2")
	want := `POST /v1/webhooks {"url":"https://example.com","events":["operation.finished"]}`
	if asked[0] != want || asked[len(asked)-1] != "DELETE /v1/webhooks/w2 " {
		t.Errorf("asked %q", asked)
	}
}
