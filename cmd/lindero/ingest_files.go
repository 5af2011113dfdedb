package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"

	"lindero/client"
)

// Bounds of one request and of one document.
const (
	batchDocuments = 200
	batchBytes     = 8 << 20
	maxFileBytes   = 20 << 20 // as base64 in one line it must stay below the server's 32 MiB
	maxLineBytes   = 32 << 20
)

// source is one file to be read; - is standard input.
type source struct {
	path string
	id   string // of the document; lines bring their own
}

func (s source) isLines() bool {
	return s.path == "-" || strings.HasSuffix(s.path, ".jsonl") || strings.HasSuffix(s.path, ".ndjson")
}

// findFiles expands directories and globs. A document's id is its path below the directory given, with slashes.
func findFiles(paths []string) ([]source, error) {
	var files []source
	for _, path := range paths {
		if path == "-" {
			files = append(files, source{path: path})
			continue
		}
		matches := []string{path}
		if _, err := os.Stat(path); err != nil {
			if matches, err = filepath.Glob(path); err != nil || len(matches) == 0 {
				return nil, usageError{path + " is no file, directory or pattern that matches one"}
			}
		}
		for _, match := range matches {
			found, err := walk(match)
			if err != nil {
				return nil, err
			}
			files = append(files, found...)
		}
	}
	return files, nil
}

// walk lists a file, or the files below a directory; hidden ones are left out.
func walk(root string) (files []source, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && path != root
		switch {
		case entry.IsDir() && hidden:
			return filepath.SkipDir
		case hidden || !entry.Type().IsRegular() && path != root || entry.IsDir():
			return nil
		}
		id, err := filepath.Rel(root, path)
		if err != nil || id == "." {
			id = filepath.Base(path)
		}
		files = append(files, source{path: path, id: filepath.ToSlash(id)})
		return nil
	})
	return files, err
}

// batcher collects documents until a request is full.
type batcher struct {
	documents []client.NewDocument
	bytes     int
	full      func([]client.NewDocument) error
}

func (b *batcher) add(d client.NewDocument, size int) error {
	if b.bytes+size > batchBytes || len(b.documents) == batchDocuments {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.documents, b.bytes = append(b.documents, d), b.bytes+size
	return nil
}

func (b *batcher) flush() error {
	if len(b.documents) == 0 {
		return nil
	}
	batch := b.documents
	b.documents, b.bytes = nil, 0
	return b.full(batch)
}

// eachBatch reads the files and hands documents on in batches. A file that cannot be read is reported and skipped.
func eachBatch(files []source, stdin io.Reader, unreadable func(id string, err error), full func([]client.NewDocument) error) error {
	b := &batcher{full: full}
	for _, file := range files {
		if file.isLines() {
			if err := b.addLines(file, stdin, unreadable); err != nil {
				return err
			}
			continue
		}
		content, err := readFile(file.path)
		if err != nil {
			unreadable(file.id, err)
			continue
		}
		document := client.NewDocument{ID: file.id, Content: content, ContentType: contentType(file.path)}
		if err := b.add(document, len(content)*4/3); err != nil {
			return err
		}
	}
	return b.flush()
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("has %d MiB; send files above %d MiB with PUT", info.Size()>>20, maxFileBytes>>20)
	}
	return os.ReadFile(path)
}

// contentType goes by the file's name; the server looks at the content first.
func contentType(path string) string {
	extension := strings.ToLower(filepath.Ext(path))
	switch extension {
	case ".md", ".markdown":
		return "text/markdown"
	case ".txt", "":
		return "text/plain"
	}
	if known := mime.TypeByExtension(extension); known != "" {
		return known
	}
	return "application/octet-stream"
}

// addLines reads documents that are lines of JSON.
func (b *batcher) addLines(file source, stdin io.Reader, unreadable func(id string, err error)) error {
	in := stdin
	if file.path != "-" {
		opened, err := os.Open(file.path)
		if err != nil {
			unreadable(file.path, err)
			return nil
		}
		defer func() { _ = opened.Close() }()
		in = opened
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLineBytes)
	for number := 1; lines.Scan(); number++ {
		line := lines.Bytes()
		if len(strings.TrimSpace(string(line))) == 0 {
			continue
		}
		var document client.NewDocument
		if err := json.Unmarshal(line, &document); err != nil {
			unreadable(fmt.Sprintf("%s line %d", file.path, number), err)
			continue
		}
		if err := b.add(document, len(line)); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		unreadable(file.path, fmt.Errorf("a line is longer than %d MiB or cannot be read: %w", maxLineBytes>>20, err))
	}
	return nil
}
