package extract

import (
	"bufio"
	"bytes"
	"html"

	goldmarkhtml "github.com/yuin/goldmark/renderer/html"
)

// unescape resolves the backslashes and character references of Markdown text. Goldmark resolves them only
// on the way to HTML, so its output is taken back from there.
func unescape(value []byte) string {
	if !bytes.ContainsAny(value, `\&`) {
		return string(value)
	}
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	goldmarkhtml.DefaultWriter.Write(w, value)
	if err := w.Flush(); err != nil {
		return string(value)
	}
	return html.UnescapeString(out.String())
}
