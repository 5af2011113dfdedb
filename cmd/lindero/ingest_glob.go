package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// anyDirectories is the segment of a pattern that stands for any number of directories, also none.
const anyDirectories = "**"

// splitPattern divides a pattern with forward slashes into the directory before its first wildcard, below which
// ids are told, and the segments after it; nil when there is no wildcard, or it is malformed.
func splitPattern(pattern string) (root string, segments []string) {
	all := strings.Split(path.Clean(pattern), "/")
	first := slices.IndexFunc(all, func(s string) bool { return strings.ContainsAny(s, "*?[") })
	if first < 0 {
		return pattern, nil
	}
	for _, segment := range all[first:] {
		if _, err := path.Match(segment, ""); err != nil {
			return pattern, nil
		}
		if segment == anyDirectories && len(segments) > 0 && segments[len(segments)-1] == anyDirectories {
			continue // the same, and far quicker
		}
		segments = append(segments, segment)
	}
	root = strings.Join(all[:first], "/")
	switch {
	case root == "" && first > 0:
		return "/", segments
	case root == "":
		return ".", segments
	}
	return root, segments
}

// glob adds what a pattern matches below a directory: files, and all files below directories. Hidden names are
// matched only by segments that begin with a dot.
func (f *finder) glob(dir, relative string, segments []string) error {
	if segments[0] == anyDirectories {
		rest := segments[1:]
		if len(rest) == 0 {
			rest = []string{"*"}
			segments = []string{anyDirectories, "*"}
		}
		if err := f.glob(dir, relative, rest); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(filepath.FromSlash(dir))
	if err != nil {
		if !os.IsNotExist(err) {
			f.fail(dir, err)
		}
		return nil
	}
	for _, entry := range entries {
		if err := f.globEntry(joinPath(dir, entry.Name()), joinID(relative, entry.Name()), entry, segments); err != nil {
			return err
		}
	}
	return nil
}

func (f *finder) globEntry(at, relative string, entry fs.DirEntry, segments []string) error {
	hidden := strings.HasPrefix(entry.Name(), ".")
	if segments[0] == anyDirectories {
		if hidden || !entry.IsDir() {
			return nil
		}
		return f.glob(at, relative, segments)
	}
	matches, _ := path.Match(segments[0], entry.Name()) // not malformed: splitPattern looked
	if !matches || hidden && !strings.HasPrefix(segments[0], ".") {
		return nil
	}
	if len(segments) == 1 {
		return f.visit(filepath.FromSlash(at), relative, entry, nil)
	}
	info, err := os.Stat(filepath.FromSlash(at)) // the pattern names its levels, so a link is followed, and cannot loop
	if err != nil || !info.IsDir() {
		return nil
	}
	return f.glob(at, relative, segments[1:])
}

func joinPath(dir, name string) string {
	if dir == "." {
		return name
	}
	return strings.TrimSuffix(dir, "/") + "/" + name
}
