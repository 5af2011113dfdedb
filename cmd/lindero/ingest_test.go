package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestIngestADirectoryAgainAndAgain is the life of a folder: sent, sent again, changed, mirrored.
func TestIngestADirectoryAgainAndAgain(t *testing.T) {
	t.Parallel()
	me := serve(t).customer(t, "acme")
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"a.md": "# Alpha\n\nThe first letter.", "deep/er/b.txt": "beta", "c.html": "<p>gamma</p>",
		".hidden/x.md": "never", ".y.md": "never", "empty.md": "",
	})
	first := me.ingest(exitOK, dir)
	if first.Uploaded != 3 || first.Unchanged != 0 || first.Failed != 0 || first.Empty != 1 {
		t.Errorf("at first: %+v", first)
	}
	documents := me.documents()
	if ids := slices.Sorted(maps.Keys(documents)); !slices.Equal(ids, []string{"a.md", "c.html", "deep/er/b.txt"}) {
		t.Errorf("the server has %q", ids)
	}
	for id, d := range documents {
		if d.Status != "indexed" {
			t.Errorf("%s is %s", id, d.Status)
		}
	}
	if again := me.ingest(exitOK, dir); again.Uploaded != 0 || again.Unchanged != 3 {
		t.Errorf("unchanged: %+v", again)
	}
	writeFiles(t, dir, map[string]string{"a.md": "# Alpha\n\nChanged.", "new.md": "new"})
	dry := me.ingest(exitOK, dir, "--dry-run")
	if want := []action{{"upload", "a.md", "changed"}, {"upload", "new.md", "new"}}; !slices.Equal(dry.Actions, want) || dry.Uploaded != 0 {
		t.Errorf("dry run: %+v", dry)
	}
	if changed := me.ingest(exitOK, dir); changed.Uploaded != 2 || changed.Unchanged != 2 {
		t.Errorf("changed: %+v", changed)
	}
	if d := me.documents()["a.md"]; d.Version != 2 {
		t.Errorf("a.md has version %d", d.Version)
	}
}

func TestIngestReportsWhatFailed(t *testing.T) {
	t.Parallel()
	me := serve(t).customer(t, "acme")
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"good.md": "good", "bad.pdf": "%PDF-1.4 nothing more", "picture.png": "\x89PNG\r\n\x1a\n0000"})
	s := me.ingest(exitFailure, dir)
	if s.Failed != 2 || len(s.Failures) != 2 || !strings.HasSuffix(s.Failures[0].Source, "bad.pdf") || s.Failures[0].ID != "bad.pdf" || s.Failures[0].Code == "" {
		t.Errorf("%+v", s)
	}
	// What lies in the files is not sent again, unless asked for, and reported all the same.
	if again := me.ingest(exitFailure, dir); again.Uploaded != 0 || again.Failed != 2 || again.Unchanged != 1 {
		t.Errorf("again: %+v", again)
	}
	if retried := me.ingest(exitFailure, dir, "--retry-failed"); retried.Uploaded != 2 || retried.Failed != 2 {
		t.Errorf("retried: %+v", retried)
	}
	code, out, _ := me.command("", "ingest", dir)
	if code != exitFailure || !strings.Contains(out, "2 failed") || !strings.Contains(out, "bad.pdf") || !strings.Contains(out, "CODE") {
		t.Errorf("%d\n%s", code, out)
	}
}
