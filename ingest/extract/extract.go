// Package extract turns files into structured text: bytes in, structure out. It touches no database and no
// network; nothing a document refers to is ever fetched.
package extract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"lindero/fault"
)

// Input is one file.
type Input struct {
	Data        []byte // not changed
	ContentType string // as declared, parameters included; may be empty
	Filename    string // as declared; only its extension counts; may be empty
	Limits      Limits // zero: DefaultLimits
	// Memory is what this document shares with others that are read at the same time; nil: it shares none.
	Memory *Memory
}

// Limits bound what one document may cost. A field that is zero has its default.
type Limits struct {
	TextBytes    int           // extracted text; what is made of it takes some sixteen times as much
	Entries      int           // files in an archive
	EntryBytes   int64         // one unpacked file of an archive
	ArchiveBytes int64         // all unpacked files of an archive together
	Ratio        int64         // unpacked to packed bytes of a file in an archive
	TreeBytes    int64         // the tree of one XML file, about
	Depth        int           // nesting of elements, archives' XML and JSON
	Time         time.Duration // for the whole document
}

// DefaultLimits are generous for documents people write and tight for those made to do harm.
var DefaultLimits = Limits{
	TextBytes:    16 << 20,
	Entries:      20_000,
	EntryBytes:   64 << 20,
	ArchiveBytes: 512 << 20,
	TreeBytes:    96 << 20,
	Ratio:        500,
	Depth:        256,
	Time:         time.Minute,
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	orInt := func(v, def int) int {
		if v > 0 {
			return v
		}
		return def
	}
	orInt64 := func(v, def int64) int64 {
		if v > 0 {
			return v
		}
		return def
	}
	return Limits{
		TextBytes:    orInt(l.TextBytes, d.TextBytes),
		Entries:      orInt(l.Entries, d.Entries),
		EntryBytes:   orInt64(l.EntryBytes, d.EntryBytes),
		ArchiveBytes: orInt64(l.ArchiveBytes, d.ArchiveBytes),
		Ratio:        orInt64(l.Ratio, d.Ratio),
		TreeBytes:    orInt64(l.TreeBytes, d.TreeBytes),
		Depth:        orInt(l.Depth, d.Depth),
		Time:         time.Duration(orInt64(int64(l.Time), int64(d.Time))),
	}
}

// parseFunc reads one format into a builder. The context ends with the document's time.
type parseFunc func(ctx context.Context, src source, b *builder) error

// source is what parsers see of an Input.
type source struct {
	data    []byte
	charset string // declared, or empty
	limits  Limits
	clock   *clock // of the document's time
}

// text is the decoded data. It is refused unread where it is twice what a document may have, or in UTF-16 and UTF-32
// so much that it will be. Quotes, indentation and the like do not become text, but no more than that.
func (s source) text() (string, error) {
	size := len(s.data) / 2
	if wideEncoding(sample(s.data)) != "" {
		size /= 2
	}
	if size > s.limits.TextBytes {
		return "", tooMuchText(s.limits)
	}
	return decodeText(s.data, s.charset), nil
}

func tooMuchText(limits Limits) error {
	return tooLarge("the document holds more than %d bytes of text or %d paragraphs and rows; split it", limits.TextBytes, maxBlocks)
}

// Extract turns a file into structured text. An empty text file gives an empty Document; the other formats
// give no_text where they hold none. Errors are *fault.Error with one of the codes
// unsupported_media_type, encrypted, no_text, damaged, too_large and timeout. The same input gives the same
// Document.
//
// It takes the memory that it is expected to need from in.Memory first, and waits for it. When the time is over or ctx ends, Extract returns at once with timeout; a parser that is in the middle of
// a library call then finishes in the background and its result is dropped.
func Extract(ctx context.Context, in Input) (Document, error) {
	mediaType, params, parse := detect(in)
	if parse == nil {
		return Document{}, fault.New(fault.UnsupportedMediaType, "files of type %s are not supported", mediaType)
	}
	src := source{data: in.Data, charset: params["charset"], limits: in.Limits.withDefaults()}
	// Waiting for memory does not count as time spent on the document, nor does starting the sandbox of PDFs.
	release, err := in.Memory.acquire(ctx, need(mediaType, in.Data))
	if err != nil {
		return Document{}, timedOut(ctx)
	}
	var stop func()
	ctx, src.clock, stop = timed(ctx, src.limits.Time)
	defer stop()

	type result struct {
		doc Document
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer release()
		doc, err := run(ctx, mediaType, parse, src)
		done <- result{doc, err}
	}()
	select {
	case r := <-done:
		return r.doc, r.err
	case <-ctx.Done():
		return Document{}, timedOut(ctx)
	}
}

// run parses in the calling goroutine and turns a library's panic into a damaged document.
func run(ctx context.Context, mediaType string, parse parseFunc, src source) (doc Document, err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "a parser panicked", "media_type", mediaType, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			doc, err = Document{}, fault.New(fault.Damaged, "the file cannot be read as %s", mediaType)
		}
	}()
	b := newBuilder(src.limits.TextBytes)
	if err := parse(ctx, src, b); err != nil {
		return Document{}, asFault(ctx, mediaType, err)
	}
	if b.full {
		return Document{}, tooMuchText(src.limits)
	}
	return b.document(mediaType), nil
}

// asFault translates what parsers return: faults stay, the end of the context is a timeout, the rest is damage.
func asFault(ctx context.Context, mediaType string, err error) error {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		return f
	case ctx.Err() != nil:
		return timedOut(ctx)
	default:
		return fault.Wrap(err, fault.Damaged, "the file cannot be read as %s", mediaType)
	}
}

func timedOut(ctx context.Context) error {
	return fault.Wrap(context.Cause(ctx), fault.Timeout, "reading the document took too long")
}

func tooLarge(format string, args ...any) error { return fault.New(fault.TooLarge, format, args...) }
