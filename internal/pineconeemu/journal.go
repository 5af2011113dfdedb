package pineconeemu

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// journal is an index's file of accepted writes, in order of acceptance within each namespace. Each is in the file
// before it is acknowledged, so that a killed process loses none; a machine that loses power may, for nothing is
// synced. A nil journal keeps nothing.
//
// An entry is its length and checksum (CRC-32C), four bytes each, then the write's log sequence number, eight bytes, all
// little endian, then the method's name preceded by its length in a byte, then the request as it came over the wire.
type journal struct {
	mu   sync.Mutex
	file *os.File
	size int64 // of the whole entries
}

const (
	entryHeader  = 8
	numberLength = 8
)

// journaled is an entry's content.
type journaled struct {
	number  uint64
	method  string
	request []byte // encoded
}

// maxEntry bounds what a damaged length makes the reader allocate; requests are smaller.
const maxEntry = maxRequestBytes + 1<<10

var checksums = crc32.MakeTable(crc32.Castagnoli)

func (j *journal) append(number uint64, method string, request proto.Message) error {
	if j == nil {
		return nil
	}
	entry, err := encodeEntry(number, method, request)
	if err != nil {
		return status.Errorf(codes.Internal, "encode: %v", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	// At the end of the whole entries, not of the file: what a failed write left there is overwritten.
	if _, err := j.file.WriteAt(entry, j.size); err != nil {
		return status.Errorf(codes.Unavailable, "The emulator cannot store the write: %v", err)
	}
	j.size += int64(len(entry))
	return nil
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}

func encodeEntry(number uint64, method string, request proto.Message) ([]byte, error) {
	entry := make([]byte, entryHeader, entryHeader+numberLength+1+len(method)+proto.Size(request))
	entry = binary.LittleEndian.AppendUint64(entry, number)
	entry = append(append(entry, byte(len(method))), method...)
	entry, err := proto.MarshalOptions{}.MarshalAppend(entry, request)
	if err != nil {
		return nil, err
	}
	body := entry[entryHeader:]
	binary.LittleEndian.PutUint32(entry, uint32(len(body)))
	binary.LittleEndian.PutUint32(entry[4:], crc32.Checksum(body, checksums))
	return entry, nil
}

// errDamaged is the end of what can be read: most likely the entry during whose writing the process was killed.
var errDamaged = errors.New("damaged entry")

// readEntry returns io.EOF after the last entry, and errDamaged for one that is incomplete or changed.
func readEntry(r *bufio.Reader) (entry journaled, length int64, err error) {
	var header [entryHeader]byte
	if _, err := io.ReadFull(r, header[:]); err == io.EOF {
		return entry, 0, io.EOF
	} else if err != nil {
		return entry, 0, errDamaged
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size <= numberLength || size > maxEntry {
		return entry, 0, errDamaged
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil || crc32.Checksum(body, checksums) != binary.LittleEndian.Uint32(header[4:]) {
		return entry, 0, errDamaged
	}
	entry.number = binary.LittleEndian.Uint64(body)
	rest := body[numberLength+1:]
	name := int(body[numberLength])
	if name > len(rest) {
		return entry, 0, errDamaged
	}
	entry.method, entry.request = string(rest[:name]), rest[name:]
	return entry, entryHeader + int64(size), nil
}

// replay runs apply on every whole entry of a file, which may be absent, and returns their total length.
func replay(path string, apply func(journaled) error) (length int64, err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<20)
	for {
		entry, size, err := readEntry(r)
		if err == io.EOF || errors.Is(err, errDamaged) {
			return length, nil
		}
		if err := apply(entry); err != nil {
			return length, fmt.Errorf("%s: the entry at byte %d: %w", path, length, err)
		}
		length += size
	}
}
