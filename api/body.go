package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"lindero/api/strictjson"
	"lindero/fault"
)

// idleRead is how long a client may pause while it sends a body. Each read starts it anew, so that slow uploads
// pass and silent ones do not hold a connection.
const idleRead = 30 * time.Second

// bodyReader reads a request's body under a limit and with deadlines.
type bodyReader struct {
	ex    *exchange
	left  int64 // bytes that may still come; negative: no limit
	limit int64
}

// openBody prepares the body for reading. limit < 0 means none. A body that announces more is refused unread.
func openBody(ex *exchange, limit int64) (io.Reader, error) {
	if encoding := ex.request.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, fault.New(fault.UnsupportedMediaType, "Content-Encoding is not supported; send the body as it is")
	}
	if limit >= 0 && ex.request.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	return &bodyReader{ex: ex, left: limit, limit: limit}, nil
}

func tooLarge(limit int64) error {
	return fault.New(fault.PayloadTooLarge, "the body is larger than %d bytes", limit)
}

func (b *bodyReader) Read(p []byte) (int, error) {
	controller := http.NewResponseController(b.ex.writer)
	_ = controller.SetReadDeadline(time.Now().Add(idleRead)) // a test's recorder has none
	if b.limit >= 0 && int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more than allowed, to see whether there is more
	}
	n, err := b.ex.request.Body.Read(p)
	extendWrite(b.ex, answerWithin)
	if err != nil {
		// The server goes on reading in the background to notice a client that leaves: a deadline left behind
		// would cancel the request while it is being answered.
		_ = controller.SetReadDeadline(time.Time{})
	}
	if b.left -= int64(n); b.limit >= 0 && b.left < 0 {
		return 0, tooLarge(b.limit)
	}
	switch {
	case err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, fault.Wrap(err, fault.Malformed, "the body stopped coming for %s", idleRead)
	}
	return n, fault.Wrap(err, fault.Malformed, "the body ended early")
}

// extendWrite moves the moment until which the answer must be taken.
func extendWrite(ex *exchange, d time.Duration) {
	_ = http.NewResponseController(ex.writer).SetWriteDeadline(time.Now().Add(d)) // a test's recorder has none
}

// readAll reads a whole body of at most limit bytes. It waits until there is memory for it: for what the client
// announces, or for limit when it announces nothing and sends more than a small body.
func (s *server) readAll(ex *exchange, limit int64) ([]byte, error) {
	reader, err := openBody(ex, limit)
	if err != nil {
		return nil, err
	}
	announced := ex.request.ContentLength
	first := announced
	if announced < 0 {
		first, announced = smallBody, limit
	}
	if err := s.memory.reserve(ex, first); err != nil {
		return nil, err
	}
	// A buffer that grows would take twice its size; one that the client only claims to fill is not made.
	data := bytes.NewBuffer(make([]byte, 0, min(first, smallBody)+bytes.MinRead))
	if _, err := io.CopyN(data, reader, smallBody); err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return data.Bytes(), err
	}
	if first < announced {
		if err := s.memory.reserve(ex, announced); err != nil {
			return nil, err
		}
	} else {
		data.Grow(int(announced) - data.Len() + bytes.MinRead)
	}
	_, err = data.ReadFrom(reader)
	return data.Bytes(), err
}

// mediaType is the body's type in lower case without parameters, empty when none is declared. Another charset
// than UTF-8 is refused for JSON.
func mediaType(r *http.Request) (string, error) {
	declared := r.Header.Get("Content-Type")
	if declared == "" {
		return "", nil
	}
	kind, params, err := mime.ParseMediaType(declared)
	if err != nil {
		return "", fault.New(fault.UnsupportedMediaType, "Content-Type cannot be parsed")
	}
	if charset := params["charset"]; kind == "application/json" && charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", fault.New(fault.UnsupportedMediaType, "JSON is sent as UTF-8")
	}
	return kind, nil
}

// readJSON decodes the request's body strictly into target, which stays as it is where the body is optional and empty.
func (s *server) readJSON(ex *exchange, target any, optional bool) error {
	kind, err := mediaType(ex.request)
	if err != nil {
		return err
	}
	if kind != "" && kind != "application/json" {
		return fault.New(fault.UnsupportedMediaType, "send the body as Content-Type: application/json, not %s", kind)
	}
	data, err := s.readAll(ex, s.cfg.Limits.JSONBytes)
	switch {
	case err != nil || len(data) == 0 && optional:
		return err
	case len(data) == 0:
		return fault.New(fault.Malformed, "a JSON body is required")
	case string(bytes.TrimSpace(data)) == "null": // stands for absent elsewhere; here it would do without being asked
		return fault.InvalidField("body", nil, "must be an object")
	}
	return strictjson.Decode("body", data, target)
}
