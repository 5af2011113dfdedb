package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lindero/client"
)

// TestDevOnPinecone starts with nothing on the emulator, ends, starts again without asking for it, and at last puts
// new tenants on it in a data directory that began on pgvector.
func TestDevOnPinecone(t *testing.T) {
	t.Setenv("PINECONE_API_KEY", "")
	t.Setenv("LINDERO_PINECONE_HOST", "")
	t.Setenv("LINDERO_DATABASE_URL", "")
	dir := t.TempDir()
	first := startDev(t, dir, "--vectors", "pinecone")
	if !strings.Contains(first.out.String(), "Pinecone emulator on http://127.0.0.1:") {
		t.Errorf("the welcome says nothing of the emulator:\n%s", first.out)
	}
	first.wantDemo(t, "pinecone")
	note := client.NewDocument{Title: "My note", Text: "The spare key lies under the blue flower pot."}
	put, err := first.clients(t)["chogar"].PutDocument(t.Context(), "default", "my-note", note, client.PutOptions{Wait: 30 * time.Second})
	if err != nil || put.Document.Status != "indexed" {
		t.Fatalf("the document came back as %+v, %v", put, err)
	}
	// The doctor finds it by the data directory alone.
	for args, want := range map[string]string{"": `"isolation"`, "--backend pinecone": `"Missing": 0`} {
		c := &console{ctx: t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
		if code := run(c, append([]string{"doctor", "--json", "--data-dir", dir}, strings.Fields(args)...)); code != exitOK {
			t.Errorf("doctor %s ended with %d: %s%s", args, code, c.out, c.err)
		}
		if got := c.out.(*screen).String(); !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
			t.Errorf("doctor %s has no %s in %s", args, want, got)
		}
	}
	first.end(t)
	if _, err := os.Stat(filepath.Join(dir, runningFile)); err == nil {
		t.Error("lindero dev has ended and still says where it runs")
	}

	// Without the flag new tenants are pgvector's, and those that were there stay where they are.
	second := startDev(t, dir)
	second.wantDemo(t, "pinecone")
	found, err := second.clients(t)["chogar"].Search(t.Context(), client.SearchRequest{Query: "spare key flower pot", Mode: "semantic", TopK: 3})
	if err != nil || len(found.Results) == 0 || found.Results[0].DocumentID != "my-note" {
		t.Errorf("the note is not the first of %+v, %v", found.Results, err)
	}
	if hint := "lindero tenant placement chogar --vectors pgvector"; !strings.Contains(second.out.String(), hint) {
		t.Errorf("there is no hint %q:\n%s", hint, second.out)
	}
	second.end(t)
}

func TestDevMovedToPineconeLater(t *testing.T) {
	t.Setenv("PINECONE_API_KEY", "")
	t.Setenv("LINDERO_PINECONE_HOST", "")
	dir := t.TempDir()
	first := startDev(t, dir)
	first.wantDemo(t, "exact")
	first.end(t)
	if _, err := os.Stat(filepath.Join(dir, pineconeDir)); err == nil {
		t.Error("the emulator left something although nobody asked for it")
	}
	second := startDev(t, dir, "--vectors", "pinecone")
	second.wantDemo(t, "exact")
	if hint := "lindero tenant placement chogar --vectors pinecone"; !strings.Contains(second.out.String(), hint) {
		t.Errorf("there is no hint %q:\n%s", hint, second.out)
	}
	url := urlPattern.FindString(second.out.String())
	c := &console{ctx: t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
	if code := run(c, []string{"tenant", "placement", "chogar", "--vectors", "pinecone", "--url", url, "--data-dir", dir}); code != exitOK {
		t.Fatalf("the move ended with %d: %s", code, c.err)
	}
	second.await(t, "chogar", "pinecone")
	second.end(t)
}

// wantDemo wants every demo tenant to be on the kind of index and to be found in.
func (d *dev) wantDemo(t *testing.T, kind string) {
	t.Helper()
	for slug, c := range d.clients(t) {
		collection, err := c.Collection(t.Context(), "default")
		if err != nil || collection.Index.Kind != kind {
			t.Errorf("%s is on %q, %v; want %q", slug, collection.Index.Kind, err, kind)
		}
		for _, mode := range []string{"hybrid", "semantic"} {
			found, err := c.Search(t.Context(), client.SearchRequest{Query: "cancel my contract", Mode: mode, TopK: 5})
			if err != nil || len(found.Results) != 5 || len(found.Warnings) > 0 {
				t.Errorf("%s finds %d in mode %s, warned of %v, %v", slug, len(found.Results), mode, found.Warnings, err)
			}
		}
	}
}

// await waits until the tenant's collection is on the kind of index.
func (d *dev) await(t *testing.T, slug, kind string) {
	t.Helper()
	c := d.clients(t)[slug]
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		collection, err := c.Collection(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		if collection.Index.Kind == kind {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still on %s", slug, collection.Index.Kind)
		}
	}
}
