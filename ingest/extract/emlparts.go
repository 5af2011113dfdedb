package extract

import (
	"io"
	"net/mail"
)

// forwarded writes a message within the message, below a heading with its subject. One that cannot be read is
// named as an attachment.
func (m *mailReader) forwarded(name string, body io.Reader, depth int) error {
	message, err := mail.ReadMessage(body)
	if err != nil {
		m.named(name)
		return nil
	}
	m.b.heading(2, firstOf(decodeHeader(message.Header.Get("Subject")), name, "Forwarded message"))
	return m.message(message, depth+1)
}

// attachment writes a file below a heading with its name, where Extract reads its format. What is wrong with a
// file does not concern the message: it is named only.
func (m *mailReader) attachment(name, contentType string, body io.Reader) error {
	m.named(name)
	data, err := m.read(body)
	if err != nil || len(data) == 0 || len(data) > m.limits.TextBytes {
		return nil
	}
	mediaType, params, parse := detect(Input{Data: data, ContentType: contentType, Filename: name})
	if parse == nil || mediaType == typeEML {
		return nil
	}
	inner := newBuilder(m.b.limit - m.b.text.Len())
	inner.page = m.b.page
	if err := parse(m.ctx, source{data: data, charset: params["charset"], limits: m.limits, clock: m.clock}, inner); err != nil {
		return m.ctx.Err()
	}
	if inner.full {
		m.b.full = true
		return nil
	}
	if len(inner.blocks) > 0 {
		m.b.heading(2, firstOf(name, inner.title, "Attachment"))
		m.b.appendAll(inner)
	}
	return nil
}

// named keeps the name of an attachment.
func (m *mailReader) named(name string) {
	if name != "" {
		m.attachments = append(m.attachments, truncate(name, 200))
	}
}
