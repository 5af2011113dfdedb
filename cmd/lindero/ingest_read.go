package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"lindero/internal/ndjson"
)

// Bounds of one request, chosen to be one transaction of the server: all of a request is in, or nothing.
const (
	batchDocuments = 500
	batchBytes     = 6 << 20
	// maxInline is the largest file that goes into a line with others; in base64 it stays below maxLine.
	maxInline = 4 << 20
	maxFile   = 100 << 20 // the server's limits for a file and for a line
	maxLine   = 32 << 20
)

// raw is a document that has not been looked at: a file to be read, or a line.
type raw struct {
	source source
	line   []byte // nil for a file
	number int    // of the line: 1, 2, 3 …
}

// where says where a document came from.
func (r raw) where() string {
	if r.line == nil {
		return r.source.path
	}
	return fmt.Sprintf("%s:%d", r.source.path, r.number)
}

// size is how many bytes of the source it takes.
func (r raw) size() int64 {
	if r.line == nil {
		return r.source.size
	}
	return int64(len(r.line))
}

// reader goes through sources and hands on what is to be sent together.
type reader struct {
	stdin  io.Reader
	report *report
	emit   func([]raw) error // its error ends the reading
	batch  []raw
	bytes  int64
}

// readAll reads every source. What cannot be read is reported and passed over.
func (r *reader) readAll(ctx context.Context, sources []source) error {
	for _, s := range sources {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		if s.lines() {
			err = r.readLines(s)
		} else {
			err = r.add(raw{source: s})
		}
		if err != nil {
			return err
		}
	}
	return r.flush()
}

func (r *reader) add(document raw) error {
	size := document.size()
	if r.bytes+size > batchBytes || len(r.batch) == batchDocuments {
		if err := r.flush(); err != nil {
			return err
		}
	}
	r.batch, r.bytes = append(r.batch, document), r.bytes+size
	return nil
}

func (r *reader) flush() error {
	if len(r.batch) == 0 {
		return nil
	}
	batch := r.batch
	r.batch, r.bytes = nil, 0
	return r.emit(batch)
}

func (r *reader) readLines(s source) error {
	in := r.stdin
	if s.path != stdinPath {
		file, err := os.Open(s.path)
		if err != nil {
			r.report.unread(failure{Source: s.path, Code: codeUnreadable, Detail: reason(err)})
			r.report.settled(0, s.size)
			return nil
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	lines := ndjson.NewReader(in, maxLine)
	for number := 1; ; number++ {
		line, taken, err := lines.Next()
		at := fmt.Sprintf("%s:%d", s.path, number)
		last := err != nil && !(errors.Is(err, ndjson.ErrTooLong) && !errors.Is(err, io.EOF))
		switch {
		case errors.Is(err, ndjson.ErrTooLong):
			r.report.unread(failure{Source: at, Code: codeTooLarge, Detail: fmt.Sprintf("the line is longer than %d MiB", maxLine>>20)})
			r.report.settled(1, taken)
		case err != nil && !errors.Is(err, io.EOF):
			r.report.unread(failure{Source: at, Code: codeUnreadable, Detail: reason(err)})
			r.report.settled(0, taken)
		case len(bytes.TrimSpace(line)) == 0:
			r.report.settled(0, taken)
		default:
			if err := r.add(raw{source: s, line: line, number: number}); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}
