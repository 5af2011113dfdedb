// Package ndjson reads lines of JSON of any number and bounded length. Server and command line share it, so that
// both take the same lines.
package ndjson

import (
	"bufio"
	"errors"
	"io"
)

// ErrTooLong is of a line that is longer than the limit. It was passed over; the next one can be read.
var ErrTooLong = errors.New("the line is too long")

// Reader reads lines.
type Reader struct {
	in    *bufio.Reader
	limit int64
}

// NewReader reads lines of at most limit bytes from in, holding one in memory at a time.
func NewReader(in io.Reader, limit int64) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, 64<<10), limit: limit}
}

// Next is the next line, in memory of its own because documents keep pieces of it, and how many bytes of the stream
// it took. With the last line, which may be empty, comes io.EOF; it may come with ErrTooLong.
func (r *Reader) Next() (line []byte, taken int64, err error) {
	long := false
	for {
		piece, err := r.in.ReadSlice('\n')
		taken += int64(len(piece))
		if long = long || taken > r.limit; long {
			line = nil
		} else {
			line = append(line, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if long {
			err = errors.Join(ErrTooLong, err)
		}
		return line, taken, err
	}
}
