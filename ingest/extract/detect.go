package extract

import (
	"bytes"
	"context"
	"mime"
	"path/filepath"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"lindero/fault"
)

// The media types of the text formats, which no signature tells apart for certain.
const (
	typePlain    = "text/plain"
	typeMarkdown = "text/markdown"
	typeHTML     = "text/html"
	typeEML      = "message/rfc822"
	octetStream  = "application/octet-stream"
)

// format is one way to write a document.
type format struct {
	mediaType  string
	aliases    []string
	extensions []string
	text       bool // readable as text: the content alone does not decide what it is
	parse      parseFunc
}

// formats are all that Extract reads.
func formats() []format {
	return []format{
		{mediaType: typePlain, aliases: []string{"text/x-log"}, extensions: []string{".txt", ".text", ".log"}, text: true, parse: parsePlain},
		{mediaType: typeMarkdown, aliases: []string{"text/x-markdown"}, extensions: []string{".md", ".markdown", ".mdx"}, text: true, parse: parseMarkdown},
		{mediaType: typeHTML, aliases: []string{"application/xhtml+xml"}, extensions: []string{".html", ".htm", ".xhtml"}, text: true, parse: parseHTML},
		{mediaType: "application/json", aliases: []string{"application/x-ndjson", "application/jsonl", "application/geo+json"}, extensions: []string{".json", ".jsonl", ".ndjson", ".geojson"}, text: true, parse: parseJSON},
		{mediaType: typeEML, extensions: []string{".eml"}, text: true, parse: parseEML},
		{mediaType: "application/vnd.openxmlformats-officedocument.presentationml.presentation", aliases: []string{"application/vnd.ms-powerpoint.presentation.macroenabled.12"}, extensions: []string{".pptx", ".pptm"}, parse: parsePPTX},
		{mediaType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", aliases: []string{"application/vnd.ms-excel.sheet.macroenabled.12"}, extensions: []string{".xlsx", ".xlsm"}, parse: parseXLSX},
		{mediaType: "application/vnd.oasis.opendocument.text", extensions: []string{".odt"}, parse: parseODT},
		{mediaType: "application/epub+zip", extensions: []string{".epub"}, parse: parseEPUB},
		{mediaType: "application/pdf", aliases: []string{"application/x-pdf"}, extensions: []string{".pdf"}, parse: parsePDF},
		{mediaType: "text/csv", aliases: []string{"text/tab-separated-values", "application/csv"}, extensions: []string{".csv", ".tsv"}, text: true, parse: parseCSV},
		{mediaType: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", aliases: []string{"application/vnd.ms-word.document.macroenabled.12"}, extensions: []string{".docx", ".docm"}, parse: parseDOCX},
	}
}

var (
	byMediaType = map[string]format{}
	byExtension = map[string]format{}
)

func init() {
	for _, f := range formats() {
		for _, name := range append(f.aliases, f.mediaType) {
			byMediaType[name] = f
		}
		for _, extension := range f.extensions {
			byExtension[extension] = f
		}
	}
}

// detect decides what a file is. A signature in the content decides first. A file without one that reads as
// text is what was declared, or what its name says, if that is a text format, or else what it looks like:
// the same bytes can be plain text, Markdown and HTML at once. Of a binary file without a known signature
// only the declaration and the name are left; its parser then finds the damage. parse is nil for what is not
// supported, and mediaType the best name for it.
func detect(in Input) (mediaType string, params map[string]string, parse parseFunc) {
	declared, params, err := mime.ParseMediaType(in.ContentType)
	if err != nil && declared == "" {
		declared = strings.ToLower(strings.TrimSpace(strings.SplitN(in.ContentType, ";", 2)[0]))
	}
	said, known := byMediaType[declared]
	if !known {
		said, known = byExtension[strings.ToLower(filepath.Ext(in.Filename))]
	}
	found := mimetype.Detect(in.Data)
	seen, signature := supported(found)
	switch {
	case signature && known && said.text && mentionsPDF(in.Data):
		return detectText(said, said, known, declared, params)
	case signature && !seen.text:
		return seen.mediaType, params, seen.parse
	case found.Is("application/x-ole-storage") && isLockedOffice(in.Data):
		return "application/x-ole-storage", params, lockedOffice
	case found.Is("text/rtf"): // reads as text, but its text is markup
		return found.String(), params, nil
	case isText(in.Data, found) || known && said.text && found.Is(octetStream) && readable(string(sample(in.Data))):
		return detectText(seen, said, known, declared, params)
	case known && !said.text && (found.Is(octetStream) || found.Is("application/zip")):
		return said.mediaType, params, said.parse
	default:
		name, _, _ := strings.Cut(found.String(), ";")
		return name, params, nil
	}
}

// detectText chooses among the text formats. What is declared to be something unsupported is not guessed at.
func detectText(seen, said format, known bool, declared string, params map[string]string) (string, map[string]string, parseFunc) {
	switch {
	case known && said.text:
		return said.mediaType, params, said.parse
	case !known && declared != "" && declared != octetStream && !strings.HasPrefix(declared, "text/"):
		return declared, params, nil
	case seen.parse != nil:
		return seen.mediaType, params, seen.parse
	default:
		return typePlain, params, parsePlain
	}
}

// mentionsPDF reports whether data reads as text and has the signature of PDF further down, where the detector
// still accepts it: a mail with an attachment, or a text about the format.
func mentionsPDF(data []byte) bool {
	head := sample(data)
	at := bytes.Index(head, []byte("%PDF-"))
	return at > 0 && len(bytes.TrimSpace(head[:at])) > 0 && readable(string(head))
}

// supported is the format of a detected type or of the nearest of its ancestors below plain text.
func supported(found *mimetype.MIME) (format, bool) {
	for m := found; m != nil && !m.Is(typePlain); m = m.Parent() {
		name, _, _ := strings.Cut(m.String(), ";")
		if f, ok := byMediaType[name]; ok {
			return f, true
		}
	}
	return format{}, false
}

// isText reports whether the data reads as text in some encoding.
func isText(data []byte, found *mimetype.MIME) bool {
	for m := found; m != nil; m = m.Parent() {
		if m.Is(typePlain) {
			return true
		}
	}
	return len(data) == 0 || wideEncoding(sample(data)) != ""
}

// isLockedOffice recognises Word, Excel and PowerPoint files with a password: the zip is wrapped in a stream
// of this name, in UTF-16.
func isLockedOffice(data []byte) bool {
	// The directory of streams may be anywhere in the file.
	return bytes.Contains(data, []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00"))
}

func lockedOffice(context.Context, source, *builder) error {
	return fault.New(fault.Encrypted, "the file is protected by a password")
}

// sample is the part of the data that guesses are made from.
func sample(data []byte) []byte { return data[:min(len(data), 64<<10)] }
