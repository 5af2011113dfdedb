package api

import (
	"testing"

	"lindero/tenant"
)

// TestTextBesideOwnSplit sends both: the chunks are what is found, the text is what comes back as the content.
func TestTextBesideOwnSplit(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	_, as := d.tenant("acme")
	c := as(tenant.Admin)
	c.json("PUT", "/v1/collections/ext", `{"embedding":{"provider":"external","dimensions":2}}`, 201)
	for collection, chunk := range map[string]string{
		"default": `{"text":"the tawny owl","metadata":{"page":2}}`,
		"ext":     `{"text":"the tawny owl","metadata":{"page":2},"vector":[1,0]}`,
	} {
		path := "/v1/collections/" + collection + "/documents/owl"
		body := `{"text":"All of it: the tawny owl, and a heron.","chunks":[` + chunk + `]}`
		if made := c.json("PUT", path+"?wait=30s", body, 201); made["status"] != "indexed" || made["chunks"] != 1.0 || made["bytes"] != 38.0 {
			t.Fatalf("%s: %v", collection, made)
		}
		if again := c.json("PUT", path, body, 200); again["unchanged"] != true {
			t.Errorf("%s: the same again: %v", collection, again)
		}
		chunks := c.json("GET", path+"/chunks", nil, 200)["data"].([]any)
		if got := chunks[0].(map[string]any); len(chunks) != 1 || got["text"] != "the tawny owl" || got["metadata"].(map[string]any)["page"] != 2.0 {
			t.Errorf("%s: chunks %v", collection, chunks)
		}
		if got := c.send("GET", path+"/content", nil); string(got.body) != "All of it: the tawny owl, and a heron." || got.header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: content %q, %s", collection, got.body, got.header.Get("Content-Type"))
		}
		found := func(query string) int {
			request := map[string]any{"query": query, "mode": "lexical", "collections": []string{collection}}
			return len(c.json("POST", "/v1/search", request, 200)["results"].([]any))
		}
		if found("owl") != 1 || found("heron") != 0 {
			t.Errorf("%s: owl is found %d times, heron %d", collection, found("owl"), found("heron"))
		}
	}
}
