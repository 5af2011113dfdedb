// Package codec holds the lexical index's posting blocks: for one term and one segment, the chunks the
// term occurs in, how often, and how long those chunks are. A block stands by itself, so that scoring
// needs no other table. Blocks of one term from several segments merge. Everything is pure and safe on
// hostile bytes: a corrupt block is an error, never a panic.
//
// Format 1: the byte 1; the number of postings (uvarint); then for each posting in ascending order of
// ordinal: (difference to the ordinal before, less one) << 1, plus one if the frequency is above one;
// that frequency less two, if so; the length less the frequency (all uvarints). The first difference is
// taken from -1.
package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// version is the first byte of every block of this format.
const version = 1

// MaxOrdinal is the largest ordinal a block can hold.
const MaxOrdinal = math.MaxInt64 >> 1

// ErrCorrupt is wrapped by every error about a block's bytes.
var ErrCorrupt = errors.New("corrupt posting block")

// Posting says that a term occurs Frequency (≥ 1) times in the chunk Ordinal (≥ 0), which is Length
// (≥ Frequency) terms long.
type Posting struct {
	Ordinal   int64
	Frequency uint32
	Length    uint32
}

// Encode makes a block of postings, which must be in strictly ascending order of ordinal.
func Encode(postings []Posting) ([]byte, error) {
	body := make([]byte, 0, 3*len(postings))
	previous := int64(-1)
	for _, p := range postings {
		if err := check(p, previous); err != nil {
			return nil, err
		}
		body = appendPosting(body, p, previous)
		previous = p.Ordinal
	}
	return finish(body, len(postings)), nil
}

func check(p Posting, previous int64) error {
	switch {
	case p.Ordinal <= previous || p.Ordinal > MaxOrdinal:
		return fmt.Errorf("posting of ordinal %d after %d: out of order or range", p.Ordinal, previous)
	case p.Frequency < 1 || p.Length < p.Frequency:
		return fmt.Errorf("posting of ordinal %d: frequency %d in length %d", p.Ordinal, p.Frequency, p.Length)
	}
	return nil
}

func appendPosting(body []byte, p Posting, previous int64) []byte {
	gap := uint64(p.Ordinal-previous-1) << 1
	if p.Frequency > 1 {
		body = binary.AppendUvarint(body, gap|1)
		body = binary.AppendUvarint(body, uint64(p.Frequency-2))
	} else {
		body = binary.AppendUvarint(body, gap)
	}
	return binary.AppendUvarint(body, uint64(p.Length-p.Frequency))
}

// finish puts the header before the encoded postings.
func finish(body []byte, count int) []byte {
	block := make([]byte, 0, 1+binary.MaxVarintLen32+len(body))
	block = append(block, version)
	block = binary.AppendUvarint(block, uint64(count))
	return append(block, body...)
}

// Count returns the number of postings that block's header claims.
func Count(block []byte) (int, error) {
	count, _, err := header(block)
	return count, err
}

// header returns the number of postings and the bytes after the header. The number is at most half the
// remaining bytes, so it is safe to allocate by.
func header(block []byte) (count int, body []byte, err error) {
	if len(block) < 2 || block[0] != version {
		return 0, nil, fmt.Errorf("%w: no block of format %d", ErrCorrupt, version)
	}
	n, size := binary.Uvarint(block[1:])
	if size <= 0 {
		return 0, nil, fmt.Errorf("%w: unreadable count", ErrCorrupt)
	}
	body = block[1+size:]
	if n > uint64(len(body)/2) {
		return 0, nil, fmt.Errorf("%w: %d postings in %d bytes", ErrCorrupt, n, len(body))
	}
	return int(n), body, nil
}

// Decode appends block's postings to dst and returns the extended slice. On an error dst is returned as
// it was.
func Decode(block []byte, dst []Posting) ([]Posting, error) {
	count, body, err := header(block)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst = slices.Grow(dst, count)
	previous := int64(-1)
	for range count {
		// Almost all postings are a short gap, a frequency of up to 129 if it is above one, and a length of up to two
		// bytes.
		if len(body) >= 4 && body[0] < 0x80 && previous < MaxOrdinal-0x80 {
			p := Posting{Ordinal: previous + 1 + int64(body[0]>>1), Frequency: 1}
			rest := body[1:]
			if body[0]&1 == 1 {
				p.Frequency, rest = uint32(body[1])+2, body[2:]
			}
			low, high := uint32(rest[0]), uint32(rest[1])
			if low < 0x80 {
				p.Length, rest = p.Frequency+low, rest[1:]
			} else {
				p.Length, rest = p.Frequency+low&0x7F+high<<7, rest[2:]
			}
			if p.Frequency < 0x82 && (low < 0x80 || high < 0x80) {
				previous, body = p.Ordinal, rest
				dst = append(dst, p)
				continue
			}
		}
		p, size := posting(body, previous)
		if size <= 0 {
			return dst[:start], fmt.Errorf("%w: unreadable posting after ordinal %d", ErrCorrupt, previous)
		}
		body = body[size:]
		previous = p.Ordinal
		dst = append(dst, p)
	}
	if len(body) > 0 {
		return dst[:start], fmt.Errorf("%w: %d bytes left over", ErrCorrupt, len(body))
	}
	return dst, nil
}

// posting reads one posting and returns how many bytes it took, 0 when they make none.
func posting(body []byte, previous int64) (p Posting, size int) {
	gap, size := uvarint(body)
	if size == 0 || gap>>1 > uint64(MaxOrdinal-previous-1) {
		return p, 0
	}
	p.Ordinal = previous + 1 + int64(gap>>1)
	frequency := uint64(1)
	if gap&1 == 1 {
		more, n := uvarint(body[size:])
		if n == 0 || more > math.MaxUint32-2 {
			return p, 0
		}
		frequency, size = more+2, size+n
	}
	rest, n := uvarint(body[size:])
	if n == 0 || rest > math.MaxUint32-frequency {
		return p, 0
	}
	p.Frequency, p.Length = uint32(frequency), uint32(rest+frequency)
	return p, size + n
}

// uvarint is binary.Uvarint with a fast path for one byte, the usual case; size 0 stands for any error.
func uvarint(b []byte) (value uint64, size int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	value, size = binary.Uvarint(b)
	return value, max(size, 0)
}
