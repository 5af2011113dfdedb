package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"path"

	"golang.org/x/sync/semaphore"
)

// Memory is what the documents that are read at the same time may take together. Those that are expected to need
// much wait for each other, and small ones pass beside them. It is safe for concurrent use; nil is without bound.
type Memory struct {
	free  *semaphore.Weighted
	total int64
}

// NewMemory makes a budget in bytes.
func NewMemory(bytes int64) *Memory {
	return &Memory{free: semaphore.NewWeighted(bytes), total: bytes}
}

// acquire waits for bytes, or for all there is when that is less, and gives what takes them back. The error is
// ctx's.
func (m *Memory) acquire(ctx context.Context, bytes int64) (release func(), err error) {
	if m == nil {
		return func() {}, nil
	}
	bytes = min(bytes, m.total)
	if err := m.free.Acquire(ctx, bytes); err != nil {
		return nil, err
	}
	return func() { m.free.Release(bytes) }, nil
}

// What documents need, measured (docs/formats.md), in bytes or as a multiple of their size.
const (
	needAny     = 1 << 20
	needText    = 6        // decoded, cleaned, rendered, and the blocks
	needTree    = 20       // of an HTML tree
	needXML     = 7        // of an XML tree, by the size of its file
	needSandbox = 64 << 20 // of PDFium: three times the usual, half of the worst
)

// need is about what reading a file takes.
func need(mediaType string, data []byte) int64 {
	size := int64(len(data))
	switch mediaType {
	case "application/pdf":
		return needSandbox
	case typeHTML:
		return 4*size + needTree*min(size, maxTree)
	case typeEML: // with an attachment of any kind
		return 3*size + needSandbox
	}
	if archive, err := zip.NewReader(bytes.NewReader(data), size); err == nil {
		return needAny + size + needXML*int64(largestXML(archive))
	}
	return needAny + needText*size
}

// largestXML is the size of the largest text in an archive, as it declares it. What turns out to be larger is
// refused.
func largestXML(archive *zip.Reader) (largest uint64) {
	for _, file := range archive.File {
		switch path.Ext(file.Name) {
		case ".xml", ".xhtml", ".html", ".htm", ".opf":
			largest = max(largest, file.UncompressedSize64)
		}
	}
	return min(largest, uint64(DefaultLimits.EntryBytes))
}
