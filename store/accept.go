package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"math"

	"github.com/google/uuid"
)

// AcceptOptions say what a call of AcceptDocuments belongs to.
type AcceptOptions struct {
	// Operation counts the documents. It must be accepting still. Zero makes one operation for the call.
	Operation uuid.UUID
	// Bulk puts the documents behind the tenant's single ones.
	Bulk bool
}

// Class is the class of the work.
func (o AcceptOptions) Class() Class {
	if o.Bulk {
		return Bulk
	}
	return Single
}

// ContentHash identifies everything a caller sent as one document: SHA-256 of the content, then SHA-256 of
// what a patch can change. Kept in two halves, so that a patch renews its half without reading the content.
func ContentHash(p Payload) []byte {
	sum := sha256.New()
	writeString(sum, p.ContentType)
	writeString(sum, p.Language)
	writeBytes(sum, p.Body)
	writeNumber(sum, len(p.Parts))
	for _, part := range p.Parts {
		writeString(sum, part.Text)
		writeBytes(sum, canonical(part.Metadata))
		writeNumber(sum, len(part.Vector))
		_ = binary.Write(sum, binary.LittleEndian, part.Vector) // a hash never fails
	}
	return append(sum.Sum(nil), DescriptionHash(p.Title, p.URL, p.Metadata)...)
}

// DescriptionHash is the second half of ContentHash: of title, URL and metadata, however the JSON is spaced
// and ordered.
func DescriptionHash(title, url string, metadata json.RawMessage) []byte {
	sum := sha256.New()
	writeString(sum, title)
	writeString(sum, url)
	writeBytes(sum, canonical(metadata))
	return sum.Sum(nil)
}

// canonical is JSON with sorted keys and equal numbers written alike, so that what PostgreSQL gives back
// hashes as what the caller sent. What does not parse stays as it is.
func canonical(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return []byte("{}")
	}
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return raw
	}
	out, err := json.Marshal(value)
	if err != nil {
		return raw
	}
	return out
}

// writeString and writeBytes put the length first: "ab","c" must not hash as "a","bc".
func writeString(sum hash.Hash, s string) { writeBytes(sum, []byte(s)) }

func writeBytes(sum hash.Hash, b []byte) {
	writeNumber(sum, len(b))
	sum.Write(b)
}

func writeNumber(sum hash.Hash, n int) {
	var buffer [8]byte
	binary.LittleEndian.PutUint64(buffer[:], uint64(n))
	sum.Write(buffer[:])
}

// PackVectors writes the vectors of parts as float32, little endian, one after another; nil when none has one.
func PackVectors(parts []Part) []byte {
	numbers := 0
	for _, part := range parts {
		numbers += len(part.Vector)
	}
	if numbers == 0 {
		return nil
	}
	packed := make([]byte, 0, 4*numbers)
	for _, part := range parts {
		for _, x := range part.Vector {
			packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(x))
		}
	}
	return packed
}

// UnpackVectors gives parts their vectors back, all of the same length.
func UnpackVectors(parts []Part, packed []byte) {
	if len(parts) == 0 || len(packed) == 0 {
		return
	}
	each := len(packed) / 4 / len(parts)
	for i := range parts {
		vector := make([]float32, each)
		for j := range vector {
			vector[j] = math.Float32frombits(binary.LittleEndian.Uint32(packed[4*(i*each+j):]))
		}
		parts[i].Vector = vector
	}
}
