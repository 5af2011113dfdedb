package localpg

import (
	"errors"
	"io"
	"os"
	"strings"
)

const (
	maxLog  = 10 << 20 // bytes; a longer log is emptied at the next start
	maxTail = 4 << 10  // bytes of it that an error quotes
)

func trimLog(path string) error {
	if logSize(path) <= maxLog {
		return nil
	}
	if err := os.Truncate(path, 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func logSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// logSince returns what the server has written since the log had size bytes, the last of it when it is much.
func logSince(path string, size int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if end := logSize(path); end-size > maxTail {
		size = end - maxTail
	}
	tail, _ := io.ReadAll(io.NewSectionReader(f, size, maxTail)) // part of it is better than nothing
	return strings.TrimSpace(string(tail))
}
