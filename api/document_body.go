package api

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lindero/fault"
	"lindero/store"
)

// DocumentBody is a document as JSON: text or content, chunks, or both.
type DocumentBody struct {
	Title       string          `json:"title,omitempty" doc:"Searched with the text"`
	Text        string          `json:"text,omitempty"`
	Content     *string         `json:"content,omitempty" contentEncoding:"base64" doc:"A file in base64, instead of text; needs content_type"`
	ContentType string          `json:"content_type,omitempty" doc:"Of text or content; text/plain when left out"`
	URL         string          `json:"url,omitempty"`
	Language    string          `json:"language,omitempty" doc:"Language tag; detected when left out"`
	Metadata    json.RawMessage `json:"metadata,omitempty" doc:"Flat object of string, number, boolean and array of strings; at most 40 KB"`
	Chunks      []chunkBody     `json:"chunks,omitempty" doc:"The caller's own split, which is what is searched; a text beside it is kept as the content"`
}

// bulkDocument is one document among many: it brings its id.
type bulkDocument struct {
	ID string `json:"id"`
	DocumentBody
}

type chunkBody struct {
	Text     string          `json:"text"`
	Vector   []float32       `json:"vector,omitempty" doc:"Of the collection's dimensions; external embedding only"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

const plain = "text/plain"

// payload is the body as storage takes it. ingest.Validate checks it against its collection.
func (b *DocumentBody) payload() (store.Payload, error) {
	p := store.Payload{
		Title: b.Title, URL: b.URL, Language: b.Language, Metadata: object(b.Metadata), ContentType: b.ContentType, Body: []byte(b.Text),
	}
	if b.Content != nil {
		if b.Text != "" || b.ContentType == "" {
			return p, fault.InvalidField("body.content", nil, "comes instead of text, and with content_type")
		}
		file, err := base64.StdEncoding.DecodeString(*b.Content)
		if err != nil {
			return p, fault.InvalidField("body.content", nil, "is not base64")
		}
		p.Body = file
	}
	if p.ContentType == "" {
		p.ContentType = plain
	}
	if err := acceptable("body.content_type", p.ContentType); err != nil {
		return p, err
	}
	for _, c := range b.Chunks {
		p.Parts = append(p.Parts, store.Part{Text: c.Text, Vector: c.Vector, Metadata: c.Metadata})
	}
	return p, nil
}

// acceptable refuses content types that hold no text, and what clients send when they were not told a type.
// Whether the file is what it claims to be is found out when it is read.
func acceptable(location, contentType string) error {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	kind = strings.TrimSpace(kind)
	family, _, slash := strings.Cut(kind, "/")
	switch {
	case !slash || len(contentType) > 255 || !plainText(contentType) || strings.ContainsAny(contentType, "\r\n"):
		return fault.New(fault.UnsupportedMediaType, "%s must be a content type such as text/markdown", location)
	case family == "image" || family == "audio" || family == "video" || family == "multipart",
		kind == "application/x-www-form-urlencoded":
		return fault.New(fault.UnsupportedMediaType, "%s: documents of type %s are not supported", location, kind)
	}
	return nil
}

func (s *server) putMedia() map[string]*huma.MediaType {
	return map[string]*huma.MediaType{
		"application/json": {Schema: schemaOf[DocumentBody](s)},
		"*/*":              {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The raw file"}},
	}
}
