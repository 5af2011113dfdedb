package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"lindero/internal/wholewrite"
)

// maxKeptBuffer is the largest buffer that is kept for the next answer: few answers are larger.
const maxKeptBuffer = 64 << 10

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// wholeAnswers are Huma's formats, except that JSON is encoded before the first byte is sent: an answer that cannot be
// encoded is then none at all, and one with a known length needs fewer writes than one in chunks.
func wholeAnswers() map[string]huma.Format {
	formats := maps.Clone(huma.DefaultFormats)
	for name, format := range formats {
		format.Marshal = writeJSON
		formats[name] = format
	}
	return formats
}

func writeJSON(w io.Writer, v any) error {
	buffer := buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	defer func() {
		if buffer.Cap() <= maxKeptBuffer {
			buffers.Put(buffer)
		}
	}()
	if err := encode(buffer, v); err != nil {
		return err
	}
	if answer, ok := w.(http.ResponseWriter); ok {
		answer.Header().Set("Content-Length", strconv.Itoa(buffer.Len()))
	}
	_, err := w.Write(buffer.Bytes())
	return err
}

// wholeWriter has answers leave in one piece.
type wholeWriter struct {
	gin.ResponseWriter
	request context.Context
}

// Write implements http.ResponseWriter.
func (w *wholeWriter) Write(p []byte) (int, error) {
	return wholewrite.Write(w.request, w.ResponseWriter, p)
}

// Unwrap is for http.ResponseController.
func (w *wholeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// selfEncoded is an answer that many wait for and that knows its own form.
type selfEncoded interface {
	appendJSON(b []byte) ([]byte, error)
}

func encode(buffer *bytes.Buffer, v any) error {
	if own, ok := v.(selfEncoded); ok {
		encoded, err := own.appendJSON(buffer.AvailableBuffer())
		buffer.Write(encoded)
		return err
	}
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
