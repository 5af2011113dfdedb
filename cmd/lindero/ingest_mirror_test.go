package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDeleteMissing(t *testing.T) {
	t.Parallel()
	me := serve(t).customer(t, "acme")
	dir := t.TempDir()
	files := map[string]string{"lines.jsonl": `{"id":"line","text":"x"}`}
	for i := range 24 {
		files[fmt.Sprintf("%02d.md", i)] = fmt.Sprint("text ", i)
	}
	writeFiles(t, dir, files)
	mirror := func(want int, args ...string) summary {
		t.Helper()
		return me.ingest(want, append([]string{dir, "--delete-missing", "--prefix", "ours/"}, args...)...)
	}
	remove := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if err := os.Remove(filepath.Join(dir, fmt.Sprintf("%02d.md", i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	has := func(want int) {
		t.Helper()
		if got := len(me.documents()); got != want {
			t.Errorf("the server has %d documents, want %d", got, want)
		}
	}
	me.ingestFrom(`{"id":"theirs/x","text":"x"}`+"\n"+`{"id":"ours","text":"x"}`, exitOK, "-")
	if s := mirror(exitOK); s.Uploaded != 25 || s.Deleted != 0 {
		t.Errorf("at first: %+v", s)
	}
	has(27)

	remove(0, 2)
	writeFiles(t, dir, map[string]string{"02.md": ""}) // an empty file is no document
	if s := mirror(exitOK, "--dry-run"); s.Deleted != 0 || !slices.Equal(s.Actions, []action{
		{"delete", "ours/00.md", "missing"}, {"delete", "ours/01.md", "missing"}, {"delete", "ours/02.md", "missing"},
	}) {
		t.Errorf("dry run: %+v", s)
	}
	has(27)
	if s := mirror(exitOK); s.Deleted != 3 || s.Uploaded != 0 {
		t.Errorf("three gone: %+v", s)
	}
	has(24)

	// What cannot be read may be any document.
	writeFiles(t, dir, map[string]string{"lines.jsonl": "{\"id\":\"line\",\"text\":\"x\"}\nbroken"})
	remove(3, 4)
	if s := mirror(exitFailure); s.Deleted != 0 || len(s.Failures) != 2 || s.Failures[0].Code != "not_mirrored" {
		t.Errorf("with a bad line: %+v", s)
	}
	writeFiles(t, dir, map[string]string{"lines.jsonl": `{"id":"line","text":"x"}`})

	// Most of it gone is more likely a mistake.
	remove(4, 20)
	if s := mirror(exitFailure); s.Deleted != 0 || s.Failures[0].Code != "not_mirrored" || !strings.Contains(s.Failures[0].Detail, "--yes") {
		t.Errorf("most gone: %+v", s)
	}
	has(24)
	if s := mirror(exitOK, "--yes"); s.Deleted != 17 {
		t.Errorf("most gone, and meant: %+v", s)
	}
	has(7)

	// An empty folder even more.
	empty := t.TempDir()
	if code, _, problems := me.command("", "ingest", empty, "--delete-missing"); code != exitFailure || !strings.Contains(problems, "--yes") {
		t.Errorf("an empty folder: %d %s", code, problems)
	}
	writeFiles(t, empty, map[string]string{"nothing.md": "", "none.jsonl": "\n"})
	if s := me.ingest(exitFailure, empty, "--delete-missing", "--prefix", "ours/"); s.Deleted != 0 {
		t.Errorf("a folder of empty files: %+v", s)
	}
	has(7)
	if s := me.ingest(exitOK, empty, "--delete-missing", "--prefix", "ours/", "--yes"); s.Deleted != 4 {
		t.Errorf("an empty folder, and meant: %+v", s)
	}
	if ids := slices.Sorted(maps.Keys(me.documents())); !slices.Equal(ids, []string{"line", "ours", "theirs/x"}) {
		t.Errorf("left: %q", ids)
	}
}

// TestUnreadable has files and directories that may not be read, beside others.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	me := serve(t).customer(t, "acme")
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"a.md": "a", "b.md": "b", "sub/c.md": "c", "d.jsonl": `{"id":"d","text":"d"}`})
	if s := me.ingest(exitOK, dir); s.Uploaded != 4 {
		t.Fatalf("%+v", s)
	}
	for path, mode := range map[string]os.FileMode{"b.md": 0, "sub": 0, "d.jsonl": 0} {
		path = filepath.Join(dir, path)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
	}
	if _, err := os.ReadFile(filepath.Join(dir, "b.md")); err == nil {
		t.Skip("this user may read everything")
	}
	s := me.ingest(exitFailure, dir, "--delete-missing")
	codes := map[string]int{}
	for _, f := range s.Failures {
		codes[f.Code]++
	}
	if want := map[string]int{"unreadable": 3, "not_mirrored": 1}; !maps.Equal(codes, want) || s.Unchanged != 1 || s.Deleted != 0 {
		t.Errorf("%v, want %v: %+v", codes, want, s)
	}
}

// TestVanishedAndOversized are files that were there when the folder was looked through.
func TestVanishedAndOversized(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, f, err := prepare(raw{source: source{path: filepath.Join(dir, "gone.md"), id: "gone.md"}}); err != nil || f == nil || f.Code != codeUnreadable || f.ID != "gone.md" {
		t.Errorf("%+v, %v", f, err)
	}
	if _, f, _ := prepare(raw{source: source{path: dir, id: "folder"}}); f == nil || f.Code != codeUnreadable {
		t.Errorf("a directory in the place of a file: %+v", f)
	}
	huge := filepath.Join(dir, "huge.pdf")
	writeFiles(t, dir, map[string]string{"huge.pdf": "x"})
	if err := os.Truncate(huge, maxFile+1); err != nil { // takes no space
		t.Fatal(err)
	}
	if _, f, _ := prepare(raw{source: source{path: huge, id: "huge.pdf"}}); f == nil || f.Code != codeTooLarge {
		t.Errorf("a file above the limit: %+v", f)
	}
}
