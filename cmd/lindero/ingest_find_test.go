package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idsBelow finds files and returns their ids, of lines the name of the file.
func idsBelow(t *testing.T, follow bool, paths ...string) []string {
	t.Helper()
	found, err := findFiles(paths, "", follow)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range found.sources {
		if s.lines() {
			ids = append(ids, "lines:"+filepath.Base(s.path))
		} else {
			ids = append(ids, s.id)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestIDsAreThePathsBelowWhatWasGiven(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"docs/a.md": "1", "docs/b.txt": "2", "docs/sub/a.md": "3", "docs/sub/deep/c.md": "4", "docs/list.jsonl": "",
		"docs/.git/config": "5", "docs/.env": "6", "docs/sub/[x].md": "7", "other/a.md": "8",
	})
	t.Chdir(dir)
	all := []string{"a.md", "b.txt", "lines:list.jsonl", "sub/[x].md", "sub/a.md", "sub/deep/c.md"}
	for _, tt := range []struct {
		paths []string
		want  []string
	}{
		{[]string{"docs"}, all},
		{[]string{"./docs/"}, all},
		{[]string{dir + "/docs"}, all},
		{[]string{"docs/a.md"}, []string{"a.md"}},
		{[]string{"docs/*.md"}, []string{"a.md"}},
		{[]string{"docs/*"}, all},
		{[]string{"docs/**"}, all},
		{[]string{"docs/**/**"}, all},
		{[]string{"docs/**/*.md"}, []string{"a.md", "sub/[x].md", "sub/a.md", "sub/deep/c.md"}},
		{[]string{dir + "/docs/**/*.md"}, []string{"a.md", "sub/[x].md", "sub/a.md", "sub/deep/c.md"}},
		{[]string{"**/deep/*.md"}, []string{"docs/sub/deep/c.md"}},
		{[]string{"docs/**/deep"}, []string{"sub/deep/c.md"}},
		{[]string{"docs/s?b/*.md"}, []string{"sub/[x].md", "sub/a.md"}},
		{[]string{"docs/[ab].*"}, []string{"a.md", "b.txt"}},
		{[]string{"docs/.e*"}, []string{".env"}},
		{[]string{"docs/sub/[x].md"}, []string{"[x].md"}}, // a name before it is a pattern
		{[]string{"docs", "docs/**/*.md", "docs/list.jsonl"}, all},
		{[]string{"docs/sub", "other"}, nil}, // a.md twice
	} {
		if tt.want == nil {
			_, err := findFiles(tt.paths, "", false)
			var usage usageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), "a.md") {
				t.Errorf("%q: %v, want a clash of ids", tt.paths, err)
			}
			continue
		}
		if got := idsBelow(t, false, tt.paths...); !slices.Equal(got, tt.want) {
			t.Errorf("%q gives %q, want %q", tt.paths, got, tt.want)
		}
	}
	for _, nothing := range []string{"nowhere", "docs/*.pdf", "docs/**/*.pdf", "nowhere/*", "docs/[", "docs/["} {
		var usage usageError
		if _, err := findFiles([]string{nothing}, "", false); !errors.As(err, &usage) {
			t.Errorf("%q: %v, want wrong usage", nothing, err)
		}
	}
}

func TestPrefixAndUnicodeOfIDs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"e\u0301tude/日本 語.md": "1", "emoji 😀.md": "2", "bad\x01name.md": "3", strings.Repeat("x", 250) + "/" + strings.Repeat("y", 250) + "/" + strings.Repeat("z", 50): "4"})
	if err := os.WriteFile(filepath.Join(dir, "no\xffutf8.md"), []byte("5"), 0o644); err != nil {
		t.Skipf("this file system takes UTF-8 only: %v", err)
	}
	found, err := findFiles([]string{dir}, "handbook/", false)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range found.sources {
		ids = append(ids, s.id)
	}
	if want := []string{"handbook/emoji 😀.md", "handbook/étude/日本 語.md"}; !slices.Equal(ids, want) {
		t.Errorf("ids %q, want %q", ids, want)
	}
	if len(found.failures) != 3 || found.failures[0].Code != "invalid_request" {
		t.Errorf("names that cannot be ids: %+v", found.failures)
	}
}

func TestSymbolicLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"root/a.md": "1", "root/sub/b.md": "2", "outside/c.md": "3"})
	for link, target := range map[string]string{
		"root/sub/loop": "..", "root/self": "self", "root/out": "../outside", "root/file.md": "a.md", "root/gone.md": "nowhere", "way": "root",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("no symbolic links here")
		}
	}
	root := filepath.Join(dir, "root")
	found, err := findFiles([]string{root}, "", false)
	if err != nil || len(found.sources) != 2 || found.links != 5 || len(found.failures) != 0 {
		t.Errorf("not followed: %+v, %v", found, err)
	}
	found, err = findFiles([]string{root}, "", true)
	if err != nil || len(found.sources) != 4 || found.links != 0 {
		t.Errorf("followed: %+v, %v", found, err)
	}
	var broken []string
	for _, f := range found.failures {
		broken = append(broken, filepath.Base(f.Source))
	}
	if !slices.Equal(broken, []string{"gone.md", "self"}) {
		t.Errorf("links that lead nowhere: %q", broken)
	}
	if got := idsBelow(t, true, root); !slices.Equal(got, []string{"a.md", "file.md", "out/c.md", "sub/b.md"}) {
		t.Errorf("followed: %q", got)
	}
	if got := idsBelow(t, false, filepath.Join(dir, "way")); !slices.Equal(got, []string{"a.md", "sub/b.md"}) {
		t.Errorf("given by a link: %q", got)
	}
}
