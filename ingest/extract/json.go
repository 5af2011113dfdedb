package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"lindero/fault"
)

// parseJSON reads one or more JSON values, so also JSON lines. Each value, and each element of a list at the
// top, is a paragraph with a line for each leaf: its dotted path and its value.
func parseJSON(ctx context.Context, src source, b *builder) error {
	text, err := src.text()
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	w := jsonWalk{ctx: ctx, decoder: decoder, b: b, depth: src.limits.Depth}
	for !b.full {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if token == json.Delim('[') {
			if err := w.elements(); err != nil {
				return err
			}
			continue
		}
		if err := w.record(token); err != nil {
			return err
		}
	}
	return noText(b)
}

// maxKey is the part of a member's name that counts, in bytes: each value repeats the names of all it lies in.
const maxKey = 200

// jsonWalk reads tokens, so that a file of any size takes memory for one record only.
type jsonWalk struct {
	ctx     context.Context
	decoder *json.Decoder
	b       *builder
	depth   int
	lines   bytes.Buffer // of the current record
	count   int
}

// elements reads the rest of a list whose elements are records.
func (w *jsonWalk) elements() error {
	for w.decoder.More() && !w.b.full {
		token, err := w.decoder.Token()
		if err != nil {
			return err
		}
		if err := w.record(token); err != nil {
			return err
		}
	}
	if w.b.full {
		return nil
	}
	_, err := w.decoder.Token()
	return err
}

// record reads the value that begins with token into one paragraph.
func (w *jsonWalk) record(token json.Token) error {
	w.lines.Reset()
	if err := w.value("", token, 1); err != nil {
		return err
	}
	w.b.paragraph(w.lines.String())
	return nil
}

func (w *jsonWalk) value(path string, token json.Token, depth int) error {
	if w.count++; w.count%1024 == 0 && w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	if depth > w.depth {
		return fault.New(fault.Damaged, "the file nests values more than %d deep", w.depth)
	}
	if w.lines.Len() > w.b.limit {
		w.b.full = true
		return nil
	}
	switch token := token.(type) {
	case json.Delim:
		return w.nested(path, token, depth)
	case string:
		w.leaf(path, token)
	case json.Number:
		w.leaf(path, token.String())
	case bool:
		w.leaf(path, map[bool]string{true: "true", false: "false"}[token])
	}
	return nil
}

// nested reads the members of an object, each below path, or the elements of a list, all at path.
func (w *jsonWalk) nested(path string, open json.Delim, depth int) error {
	for w.decoder.More() && !w.b.full {
		token, err := w.decoder.Token()
		if err != nil {
			return err
		}
		below := path
		if open == '{' {
			key, _ := token.(string)
			key = truncate(key, maxKey)
			if below = key; path != "" {
				below = path + "." + key
			}
			if token, err = w.decoder.Token(); err != nil {
				return err
			}
		}
		if err := w.value(below, token, depth+1); err != nil {
			return err
		}
	}
	if w.b.full {
		return nil
	}
	_, err := w.decoder.Token()
	return err
}

func (w *jsonWalk) leaf(path, value string) {
	value = oneLine(clean(value))
	if value == "" {
		return
	}
	if path != "" {
		w.lines.WriteString(path)
		w.lines.WriteString(": ")
	}
	w.lines.WriteString(value)
	w.lines.WriteByte('\n')
}
