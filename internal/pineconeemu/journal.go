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
// An entry is its length and checksum (CRC-32C), four bytes each, little endian, then the method's name preceded by
// its length in a byte, then the request as it came over the wire.
type journal struct {
	mu   sync.Mutex
	file *os.File
	size int64 // of the whole entries
}

const entryHeader = 8

// maxEntry bounds what a damaged length makes the reader allocate; requests are smaller.
const maxEntry = maxRequestBytes + 1<<10

var checksums = crc32.MakeTable(crc32.Castagnoli)

func (j *journal) append(method string, request proto.Message) error {
	if j == nil {
		return nil
	}
	entry, err := encodeEntry(method, request)
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

func encodeEntry(method string, request proto.Message) ([]byte, error) {
	entry := append(make([]byte, entryHeader, entryHeader+1+len(method)+proto.Size(request)), byte(len(method)))
	entry, err := proto.MarshalOptions{}.MarshalAppend(append(entry, method...), request)
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
func readEntry(r *bufio.Reader) (method string, request []byte, length int64, err error) {
	var header [entryHeader]byte
	if _, err := io.ReadFull(r, header[:]); err == io.EOF {
		return "", nil, 0, io.EOF
	} else if err != nil {
		return "", nil, 0, errDamaged
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size == 0 || size > maxEntry {
		return "", nil, 0, errDamaged
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil || crc32.Checksum(body, checksums) != binary.LittleEndian.Uint32(header[4:]) {
		return "", nil, 0, errDamaged
	}
	name := int(body[0])
	if 1+name > len(body) {
		return "", nil, 0, errDamaged
	}
	return string(body[1 : 1+name]), body[1+name:], entryHeader + int64(size), nil
}

// replay runs apply on every whole entry of a file, which may be absent, and returns their total length.
func replay(path string, apply func(method string, request []byte) error) (length int64, err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<20)
	for {
		method, request, size, err := readEntry(r)
		if err == io.EOF || errors.Is(err, errDamaged) {
			return length, nil
		}
		if err := apply(method, request); err != nil {
			return length, fmt.Errorf("%s: the entry at byte %d: %w", path, length, err)
		}
		length += size
	}
}
