package extract

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"golang.org/x/net/html/charset"
)

// The bounds of a message.
const (
	maxParts      = 1000
	maxPartNested = 20
)

// parseEML reads a mail message: its subject, who wrote to whom, its text, the messages forwarded in it, and its
// attachments of the other formats that Extract reads. Where a message has the same text as HTML and plain, the
// plain one counts. Attachments that cannot be read are named only.
func parseEML(ctx context.Context, src source, b *builder) error {
	message, err := mail.ReadMessage(bytes.NewReader(src.data))
	if err != nil {
		return err
	}
	m := &mailReader{ctx: ctx, limits: src.limits, clock: src.clock, b: b}
	b.title = decodeHeader(message.Header.Get("Subject"))
	for _, key := range addressing {
		b.note(strings.ToLower(key), decodeHeader(message.Header.Get(key)))
	}
	if err := m.message(message, 0); err != nil {
		return err
	}
	if len(m.attachments) > 0 {
		b.metadata["attachments"] = m.attachments
	}
	return noText(b)
}

// addressing are the headers that stand above the text.
var addressing = []string{"From", "To", "Cc", "Date"}

func decodeHeader(value string) string {
	decoder := mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
		return charset.NewReaderLabel(name, r)
	}}
	if decoded, err := decoder.DecodeHeader(value); err == nil {
		return oneLine(clean(decoded))
	}
	return oneLine(clean(value))
}

type mailReader struct {
	ctx         context.Context
	limits      Limits
	clock       *clock
	b           *builder
	parts       int
	attachments []string
}

// message writes who wrote to whom and the text.
func (m *mailReader) message(message *mail.Message, depth int) error {
	var head []string
	for _, key := range addressing {
		if value := decodeHeader(message.Header.Get(key)); value != "" {
			head = append(head, key+": "+value)
		}
	}
	m.b.paragraph(strings.Join(head, "\n"))
	return m.part(textproto.MIMEHeader(message.Header), message.Body, depth)
}

// part writes one part of a message and all within it.
func (m *mailReader) part(header textproto.MIMEHeader, body io.Reader, depth int) error {
	if m.parts++; m.parts > maxParts || depth > maxPartNested {
		return tooLarge("a message may have at most %d parts, nested %d deep", maxParts, maxPartNested)
	}
	if m.ctx.Err() != nil {
		return m.ctx.Err()
	}
	mediaType, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		mediaType = typePlain
	}
	disposition, fields, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	body = decodeTransfer(header, body)
	name := firstOf(decodeHeader(fields["filename"]), decodeHeader(params["name"]))
	switch {
	case strings.HasPrefix(mediaType, "multipart/"):
		return m.multipart(mediaType, params["boundary"], body, depth)
	case mediaType == "message/rfc822":
		return m.forwarded(name, body, depth)
	case disposition != "attachment" && (mediaType == typePlain || mediaType == typeHTML):
		return m.text(mediaType, params["charset"], body)
	case disposition == "attachment" || name != "":
		return m.attachment(name, header.Get("Content-Type"), body)
	}
	return nil
}

func (m *mailReader) text(mediaType, declared string, body io.Reader) error {
	data, err := m.read(body)
	if err != nil && len(data) == 0 {
		return err
	}
	text := decodeText(data, declared)
	if mediaType == typeHTML {
		return appendHTML(m.ctx, text, m.b)
	}
	for paragraph := range strings.SplitSeq(clean(text), "\n\n") {
		m.b.paragraph(paragraph)
	}
	return nil
}

// read is a part's content, cut at one byte more than a document's text may have.
func (m *mailReader) read(body io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(body, int64(m.limits.TextBytes)+1))
}

// multipart writes the parts of a body. Of alternatives the first that is text counts, and a sender puts the
// plainest first.
func (m *mailReader) multipart(mediaType, boundary string, body io.Reader, depth int) error {
	parts := multipart.NewReader(body, boundary)
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		before := len(m.b.blocks)
		if err := m.part(part.Header, part, depth+1); err != nil {
			return err
		}
		if mediaType == "multipart/alternative" && len(m.b.blocks) > before {
			return nil
		}
	}
}

func decodeTransfer(header textproto.MIMEHeader, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(header.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	}
	return body
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
