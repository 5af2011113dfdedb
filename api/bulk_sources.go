package api

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"path/filepath"
	"strings"

	"lindero/api/strictjson"
	"lindero/fault"
	"lindero/internal/ndjson"
	"lindero/store"
)

// hashed is a source that knows the hash of the bytes it was read from.
type hashed interface {
	source
	// sum is SHA-256 of the whole body. Of a stream it is known, and whole is true, only after each; drain reads
	// what is left.
	sum() (sum []byte, whole bool)
	drain() error
	kind() string
}

// openBulk finds out in which of the three forms documents come.
func (s *server) openBulk(ex *exchange) (hashed, error) {
	kind, err := mediaType(ex.request)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "", "application/json":
		return s.openArray(ex)
	case "application/x-ndjson", "application/ndjson", "application/jsonl":
		stream, err := s.openStream(ex, "ndjson", s.cfg.Limits.JSONBytes)
		return &lines{stream: stream}, err
	case "multipart/form-data":
		_, params, _ := mime.ParseMediaType(ex.request.Header.Get("Content-Type")) // parsed before
		if params["boundary"] == "" {
			return nil, fault.New(fault.Malformed, "multipart/form-data needs its boundary parameter")
		}
		stream, err := s.openStream(ex, "multipart", s.cfg.Limits.FileBytes)
		return &parts{stream: stream, boundary: params["boundary"]}, err
	}
	return nil, fault.New(fault.UnsupportedMediaType, "send application/json, application/x-ndjson or multipart/form-data, not %s", kind)
}

// array is a JSON body {documents: […]}.
type array struct {
	documents [][]byte
	hash      [32]byte
}

func (s *server) openArray(ex *exchange) (hashed, error) {
	data, err := s.readAll(ex, s.cfg.Limits.JSONBytes)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, fault.New(fault.Malformed, "a JSON body is required")
	}
	var body bulkBody
	if err := strictjson.Decode("body", data, &body); err != nil {
		return nil, err
	}
	if n := len(body.Documents); n < 1 || n > maxBulk {
		return nil, fault.InvalidField("body.documents", n, "must be 1 to %d documents; stream more as application/x-ndjson", maxBulk)
	}
	a := &array{hash: sha256.Sum256(data)}
	for _, raw := range body.Documents {
		a.documents = append(a.documents, raw)
	}
	return a, nil
}

func (a *array) sum() ([]byte, bool) { return a.hash[:], true }
func (a *array) drain() error        { return nil }
func (a *array) kind() string        { return "json" }

func (a *array) each(take func(store.NewDocument, error) error) error {
	for _, raw := range a.documents {
		if raw == nil { // a null among the documents
			raw = []byte("null")
		}
		if err := take(DecodeLine(raw)); err != nil {
			return err
		}
	}
	return nil
}

// lines is NDJSON: one document a line. Lines without text are passed over.
type lines struct{ *stream }

func (l *lines) each(take func(store.NewDocument, error) error) error {
	reader := ndjson.NewReader(l, l.limit)
	for {
		line, _, err := reader.Next()
		last, tooLong := errors.Is(err, io.EOF), errors.Is(err, ndjson.ErrTooLong)
		switch {
		case tooLong:
			err = take(store.NewDocument{}, fault.New(fault.PayloadTooLarge, "the line is longer than %d bytes", l.limit))
		case err != nil && !last:
			return err
		case len(bytes.TrimSpace(line)) == 0:
			err = nil
		default:
			err = take(DecodeLine(line))
		}
		if err != nil {
			return err
		}
		l.taken()
		if last {
			return l.drain()
		}
	}
}

// parts is multipart/form-data: each file is a document whose id is the file's name.
type parts struct {
	*stream
	boundary string
}

func (p *parts) each(take func(store.NewDocument, error) error) error {
	reader := multipart.NewReader(p, p.boundary)
	for {
		part, err := reader.NextPart()
		if err == io.EOF { // only at the last boundary: a body that ends early wraps it
			return p.drain()
		}
		var known *fault.Error
		if errors.As(err, &known) {
			return err
		}
		if err != nil {
			return fault.Wrap(err, fault.Malformed, "the body is not multipart/form-data, or ends early")
		}
		doc, bad, err := p.read(part)
		if err != nil {
			return err
		}
		if err := take(doc, bad); err != nil {
			return err
		}
		p.taken()
	}
}

// read gives the document of a part, or why it is none (bad), or why the request cannot go on (err).
func (p *parts) read(part *multipart.Part) (doc store.NewDocument, bad, err error) {
	doc.ID = part.FileName()
	if doc.ID == "" {
		return doc, fault.New(fault.Invalid, "the part %q is not a file with a name", clip(part.FormName())), nil
	}
	contentType := partType(part)
	if bad := acceptable("Content-Type", contentType); bad != nil {
		return doc, bad, nil
	}
	data, err := io.ReadAll(io.LimitReader(part, p.limit+1))
	if err != nil {
		return doc, nil, fault.Wrap(err, fault.Malformed, "the body ended early")
	}
	if int64(len(data)) > p.limit {
		return doc, fault.New(fault.PayloadTooLarge, "the file is larger than %d bytes", p.limit), nil
	}
	doc.Payload = store.Payload{ContentType: contentType, Metadata: object(nil), Body: data}
	return doc, nil, nil
}

// clip shortens what is quoted from a request.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 64)], "") }

// partType is a part's declared type; where the client knew none, the one its name stands for.
func partType(part *multipart.Part) string {
	declared := part.Header.Get("Content-Type")
	if declared != "" && declared != "application/octet-stream" {
		return declared
	}
	switch extension := strings.ToLower(filepath.Ext(part.FileName())); extension {
	case ".md", ".markdown":
		return "text/markdown"
	case ".txt", ".text":
		return plain
	default:
		if known := mime.TypeByExtension(extension); known != "" {
			return known
		}
		return "application/octet-stream"
	}
}
