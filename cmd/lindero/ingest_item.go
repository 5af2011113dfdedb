package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lindero/api"
	"lindero/client"
	"lindero/store"
)

// item is one document that is ready to be sent.
type item struct {
	id          string
	where       string // file, or file:line
	hash        string // as the server tells it of the documents it has
	size        int64  // bytes it takes of its source
	line        []byte // as the bulk endpoint takes it; nil for a large file
	content     []byte // of a large file, which travels by itself
	contentType string
}

// prepare reads and hashes a document. An empty file gives errEmpty.
func prepare(r raw) (item, *failure, error) {
	if r.line != nil {
		return prepareLine(r)
	}
	content, err := readFile(r.source.path)
	if err != nil {
		code := codeUnreadable
		if errors.Is(err, errTooLarge) {
			code = codeTooLarge
		}
		return item{}, &failure{ID: r.source.id, Source: r.where(), Code: code, Detail: reason(err)}, nil
	}
	if len(content) == 0 {
		return item{}, nil, errEmpty
	}
	out := item{id: r.source.id, where: r.where(), size: r.size(), contentType: contentType(r.source.path)}
	large := len(content) > maxInline
	if large && out.contentType == "application/json" {
		out.contentType = octetStream // a body of that type would be taken for a document in JSON
	}
	out.hash = hash(store.Payload{ContentType: out.contentType, Body: content})
	if large {
		out.content = content
		return out, nil, nil
	}
	out.line, err = json.Marshal(client.NewDocument{ID: out.id, Content: content, ContentType: out.contentType})
	return out, nil, err
}

// prepareLine checks a line as the server would and leaves it as it is.
func prepareLine(r raw) (item, *failure, error) {
	doc, err := api.DecodeLine(r.line)
	if err != nil {
		code, detail := api.Refusal(err)
		return item{}, &failure{ID: doc.ID, Source: r.where(), Code: code, Detail: detail}, nil
	}
	return item{id: doc.ID, where: r.where(), hash: hash(doc.Payload), size: r.size(), line: r.line}, nil, nil
}

func hash(p store.Payload) string { return hex.EncodeToString(store.ContentHash(p)) }

var (
	errEmpty    = errors.New("the file is empty")
	errTooLarge = fmt.Errorf("the file is larger than %d MiB", maxFile>>20)
)

// readFile reads a whole file, also one that grows meanwhile, within the limit.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil && info.Size() > maxFile {
		return nil, errTooLarge
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = errTooLarge
	}
	return content, err
}

// contentTypes go by the end of a file's name. The system's own table is not asked: it differs from machine to
// machine, and with the type a document's hash would. The server looks at the content first.
var contentTypes = map[string]string{
	"": "text/plain", ".txt": "text/plain", ".text": "text/plain", ".log": "text/plain",
	".md": "text/markdown", ".markdown": "text/markdown", ".mdx": "text/markdown",
	".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml",
	".csv": "text/csv", ".tsv": "text/tab-separated-values",
	".json": "application/json", ".geojson": "application/geo+json",
	".eml": "message/rfc822", ".pdf": "application/pdf", ".epub": "application/epub+zip",
	".odt":  "application/vnd.oasis.opendocument.text",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".docm": "application/vnd.ms-word.document.macroenabled.12",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".pptm": "application/vnd.ms-powerpoint.presentation.macroenabled.12",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
}

const octetStream = "application/octet-stream"

func contentType(path string) string {
	if known, ok := contentTypes[strings.ToLower(filepath.Ext(path))]; ok {
		return known
	}
	return octetStream
}

// reason is an error without the path, which stands beside it.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
