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

// parseEML reads a mail message: its subject, who wrote to whom, and its text. Where a message has the same
// text as HTML and plain, the plain one counts. Attachments are named, not read.
func parseEML(ctx context.Context, src source, b *builder) error {
	message, err := mail.ReadMessage(bytes.NewReader(src.data))
	if err != nil {
		return err
	}
	m := &mailReader{ctx: ctx, limits: src.limits, b: b}
	b.title = decodeHeader(message.Header.Get("Subject"))
	var head []string
	for _, key := range []string{"From", "To", "Cc", "Date"} {
		if value := decodeHeader(message.Header.Get(key)); value != "" {
			b.note(strings.ToLower(key), value)
			head = append(head, key+": "+value)
		}
	}
	b.paragraph(strings.Join(head, "\n"))
	if err := m.part(textproto.MIMEHeader(message.Header), message.Body, 0); err != nil {
		return err
	}
	if len(m.attachments) > 0 {
		b.metadata["attachments"] = m.attachments
	}
	return noText(b)
}

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
	b           *builder
	parts       int
	attachments []string
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
	switch {
	case disposition == "attachment":
		if name := decodeHeader(fields["filename"]); name != "" {
			m.attachments = append(m.attachments, truncate(name, 200))
		}
		return nil
	case strings.HasPrefix(mediaType, "multipart/"):
		return m.multipart(mediaType, params["boundary"], body, depth)
	case mediaType != typePlain && mediaType != typeHTML:
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(decodeTransfer(header, body), int64(m.limits.TextBytes)+1))
	if err != nil && len(data) == 0 {
		return err
	}
	text := decodeText(data, params["charset"])
	if mediaType == typeHTML {
		appendHTML(text[:min(len(text), maxHTML)], m.b)
		return nil
	}
	for paragraph := range strings.SplitSeq(clean(text), "\n\n") {
		m.b.paragraph(paragraph)
	}
	return nil
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
