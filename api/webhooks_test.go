package api

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lindero/client"
	"lindero/store"
	"lindero/tenant"
)

// TestWebhookOverHTTP is a tenant's whole experience, with the SDK as a receiver uses it.
func TestWebhookOverHTTP(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Admin)
	type post struct {
		header http.Header
		body   []byte
	}
	posts := make(chan post, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posts <- post{r.Header, body}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(receiver.Close)
	sdk, err := client.New(client.Config{URL: d.url, Key: me.key})
	must(t, err)
	made, err := sdk.CreateWebhook(t.Context(), client.WebhookSpec{URL: receiver.URL + "/hook", Events: []string{client.EventOperationFinished}})
	must(t, err)
	put := me.json("PUT", "/v1/collections/default/documents/a?wait=30s", `{"text":"words"}`, 201)
	got := <-posts
	event, err := client.VerifyWebhook(made.Secret, got.header, got.body, 0)
	must(t, err)
	if operation := put["operation"].(map[string]any)["id"]; event.Operation.ID != operation || event.Operation.Status != "succeeded" {
		t.Errorf("told of %+v, it was %v", event, operation)
	}
	if strings.Contains(string(got.body), "words") {
		t.Errorf("content leaves the service: %s", got.body)
	}
	listed := awaitOutcome(t, sdk)
	if last := listed.Deliveries[0]; listed.ID != made.ID || listed.Secret != "" || listed.Status != "active" || last.ID != event.ID || last.Status != "delivered" ||
		last.ResponseStatus != 204 || last.Error != nil || last.NextAttemptAt != nil {
		t.Errorf("%+v", listed)
	}
	must(t, sdk.DeleteWebhook(t.Context(), made.ID))
	if err := sdk.DeleteWebhook(t.Context(), made.ID); !client.IsNotFound(err) {
		t.Errorf("removed twice: %v", err)
	}
}

// TestFailureIsShown has the receiver refuse; what is shown names no address.
func TestFailureIsShown(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	me := as(tenant.Admin)
	receiver := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(receiver.Close)
	sdk, err := client.New(client.Config{URL: d.url, Key: me.key})
	must(t, err)
	_, err = sdk.CreateWebhook(t.Context(), client.WebhookSpec{URL: receiver.URL, Events: []string{client.EventOperationFinished}})
	must(t, err)
	me.json("PUT", "/v1/collections/default/documents/a?wait=30s", `{"text":"words"}`, 201)
	listed := awaitOutcome(t, sdk)
	last := listed.Deliveries[0]
	if listed.Status != "failing" || listed.FailingSince == nil || listed.Pending != 1 || last.Status != "pending" || last.ResponseStatus != 404 ||
		last.Error == nil || last.Error.Code != "status" || last.NextAttemptAt == nil || strings.Contains(last.Error.Detail, "127.0.0.1") {
		t.Errorf("%+v", listed)
	}
	d.conforms("GET", "/v1/webhooks", me.send("GET", "/v1/webhooks", nil))
}

func awaitOutcome(t *testing.T, sdk *client.Client) client.Webhook {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		hooks, err := client.Collect(sdk.Webhooks(t.Context()))
		must(t, err)
		if len(hooks[0].Deliveries) > 0 {
			return hooks[0]
		}
	}
	t.Fatal("no outcome is shown")
	return client.Webhook{}
}

func TestWebhooksRefused(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	admin, writer, reader := as(tenant.Admin), as(tenant.Writer), as(tenant.Reader)
	const path, good = "/v1/webhooks", `{"url":"https://example.com/","events":["operation.finished"]}`
	for i, c := range []struct {
		who                caller
		method, path, body string
		status             int
		code               string
	}{
		{caller{d: d}, "GET", path, "", 401, "unauthenticated"},
		{reader, "GET", path, "", 403, "forbidden"},
		{writer, "GET", path, "", 403, "forbidden"},
		{writer, "POST", path, good, 403, "forbidden"},
		{writer, "DELETE", path + "/11111111-1111-4111-8111-111111111111", "", 403, "forbidden"},
		{admin, "DELETE", path + "/no-uuid", "", 404, "not_found"},
		{admin, "GET", path + "?cursor=x", "", 422, "invalid_request"},
		{admin, "POST", path, `{}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"https://example.com/"}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"https://example.com/","events":[]}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"https://example.com/","events":["everything"]}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"https://example.com/","events":["operation.finished"],"secret":"short"}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"https://example.com/","events":["operation.finished"],"method":"GET"}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"https://me:pw@example.com/","events":["operation.finished"]}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"file:///etc/passwd","events":["operation.finished"]}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"https://example.com:22/","events":["operation.finished"]}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"http://10.0.0.1/","events":["operation.finished"]}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"http://169.254.169.254/latest/meta-data/","events":["operation.finished"]}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"http://[fd00:ec2::254]/","events":["operation.finished"]}`, 422, "invalid_request"},
		{admin, "POST", path, `{"url":"http://[::ffff:10.0.0.1]/","events":["operation.finished"]}`, 422, "invalid_request"},
	} {
		var body io.Reader
		if c.body != "" {
			body = strings.NewReader(c.body)
		}
		got := c.who.send(c.method, c.path, body, "Content-Type", "application/json")
		if got.status != c.status || got.code(t) != c.code || strings.Contains(string(got.body), ":pw") {
			t.Errorf("case %d: %d %s", i, got.status, got.body)
		}
	}
	for i := range store.MaxWebhooks {
		admin.json("POST", path, fmt.Sprintf(`{"url":"https://example.com/%d","events":["operation.finished"]}`, i), 201)
	}
	if got := admin.send("POST", path, strings.NewReader(good), "Content-Type", "application/json"); got.status != 409 || got.code(t) != "conflict" {
		t.Errorf("one too many: %d %s", got.status, got.body)
	}
}
