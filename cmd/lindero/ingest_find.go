package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/unicode/norm"

	"lindero/api"
	"lindero/ingest"
)

// stdinPath stands for lines on standard input.
const stdinPath = "-"

// source is one file to be read.
type source struct {
	path string
	id   string // of its document; empty where lines bring their own
	size int64  // bytes, when it was found
}

// lines reports whether the source has a document a line.
func (s source) lines() bool {
	return s.path == stdinPath || strings.HasSuffix(s.path, ".jsonl") || strings.HasSuffix(s.path, ".ndjson")
}

// findings are the files below all paths of a command line, in the order of the paths and sorted below each.
type findings struct {
	sources  []source
	bytes    int64     // of all of them; -1 when standard input is among them
	failures []failure // what could not be looked at
	links    int       // symbolic links that were not followed
	mirrors  bool      // every path is a directory
}

// finder collects findings.
type finder struct {
	findings
	prefix string
	follow bool
	met    int               // files and failures, again and again where several paths lead to them
	paths  map[string]bool   // seen already
	ids    map[string]string // id to path
}

// findFiles expands directories and patterns. A path that is neither, and a pattern that matches nothing, is wrong
// usage, and so are two files that would have the same id.
func findFiles(paths []string, prefix string, follow bool) (findings, error) {
	f := &finder{prefix: prefix, follow: follow, paths: map[string]bool{}, ids: map[string]string{}}
	f.mirrors = true
	for _, path := range paths {
		if err := f.expand(path); err != nil {
			return f.findings, err
		}
	}
	return f.findings, nil
}

func (f *finder) expand(path string) error {
	if path == stdinPath {
		f.mirrors, f.bytes = false, -1
		f.sources = append(f.sources, source{path: path})
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return f.walk(path, "", []fs.FileInfo{info})
	case err == nil:
		f.mirrors = false
		return f.add(path, filepath.Base(path), info)
	}
	f.mirrors = false
	root, pattern := splitPattern(filepath.ToSlash(path))
	before := f.met
	if pattern != nil {
		if err := f.glob(root, "", pattern); err != nil {
			return err
		}
	}
	if f.met == before {
		return usageError{path + " is no file, directory or pattern that matches one"}
	}
	return nil
}

// walk adds the files below a directory. relative is its path below the root, above are the directories on the way
// to it: a link back to one of them is a loop.
func (f *finder) walk(dir, relative string, above []fs.FileInfo) error {
	entries, err := os.ReadDir(dir)
	if err != nil { // what could be read is there all the same
		f.fail(dir, err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if err := f.visit(filepath.Join(dir, entry.Name()), joinID(relative, entry.Name()), entry, above); err != nil {
			return err
		}
	}
	return nil
}

// visit adds one entry of a directory, or the files below it. What is neither file nor directory is no document.
func (f *finder) visit(path, relative string, entry fs.DirEntry, above []fs.FileInfo) error {
	link := entry.Type()&fs.ModeSymlink != 0
	if link && !f.follow {
		f.links++
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.fail(path, err)
		return nil
	case info.IsDir():
		for _, directory := range above {
			if os.SameFile(directory, info) {
				return nil
			}
		}
		return f.walk(path, relative, append(above[:len(above):len(above)], info))
	case info.Mode().IsRegular():
		return f.add(path, relative, info)
	}
	return nil
}

// add takes one file in, unless another path led to it before.
func (f *finder) add(path, relative string, info fs.FileInfo) error {
	f.met++
	if f.paths[filepath.Clean(path)] {
		return nil
	}
	f.paths[filepath.Clean(path)] = true
	s := source{path: path, size: info.Size()}
	if !s.lines() {
		s.id = f.prefix + norm.NFC.String(filepath.ToSlash(relative))
		if err := ingest.ValidateID("its path", s.id); err != nil {
			code, detail := api.Refusal(err)
			f.failures = append(f.failures, failure{Source: path, Code: code, Detail: detail})
			return nil
		}
		if other, taken := f.ids[s.id]; taken {
			return usageError{fmt.Sprintf("%s and %s would both have the id %s: give the directory above them, or send them apart with --prefix", other, path, s.id)}
		}
		f.ids[s.id] = path
	}
	if f.bytes >= 0 {
		f.bytes += s.size
	}
	f.sources = append(f.sources, s)
	return nil
}

func (f *finder) fail(path string, err error) {
	f.met++
	if f.paths[filepath.Clean(path)] { // a pattern may come by twice
		return
	}
	f.paths[filepath.Clean(path)] = true
	f.failures = append(f.failures, failure{Source: path, Code: codeUnreadable, Detail: reason(err)})
}

func joinID(relative, name string) string {
	if relative == "" {
		return name
	}
	return relative + "/" + name
}
