package postgres

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// Writes carry their rows as arrays of thousands of elements. pgx boxes each element, plans its encoding anew, turns a
// uuid into text and back, and lets the parameter's memory grow by doubling; for bulk that is a fifth of the server's
// time. The encoders here write the same bytes in one pass into memory of the right size.

// registerEncoders makes a connection use them, and that of a single halfvec. It comes after the registration of pgvector's types.
func registerEncoders(types *pgtype.Map) {
	use(types, "_uuid", arrayEncoder[uuid.UUID]{
		size: func(uuid.UUID) int { return 16 },
		put:  func(buf []byte, id uuid.UUID) []byte { return append(buf, id[:]...) },
	})
	use(types, "_text", arrayEncoder[string]{
		size: func(s string) int { return len(s) },
		put:  func(buf []byte, s string) []byte { return append(buf, s...) },
	})
	use(types, "_jsonb", arrayEncoder[string]{
		size: func(s string) int { return 1 + len(s) },
		put:  func(buf []byte, s string) []byte { return append(append(buf, 1), s...) }, // 1 is the format's version
	})
	use(types, "_bytea", arrayEncoder[[]byte]{
		size: func(b []byte) int { return len(b) },
		null: func(b []byte) bool { return b == nil },
		put:  func(buf, b []byte) []byte { return append(buf, b...) },
	})
	use(types, "_int8", arrayEncoder[int64]{
		size: func(int64) int { return 8 },
		put:  func(buf []byte, n int64) []byte { return binary.BigEndian.AppendUint64(buf, uint64(n)) },
	})
	use(types, "_int4", arrayEncoder[int32]{
		size: func(int32) int { return 4 },
		put:  func(buf []byte, n int32) []byte { return binary.BigEndian.AppendUint32(buf, uint32(n)) },
	})
	use(types, "_halfvec", arrayEncoder[[]float32]{
		size: func(v []float32) int { return 4 + 2*len(v) },
		put:  appendHalfVector,
	})
	if known, ok := types.TypeForName("halfvec"); ok {
		types.RegisterType(&pgtype.Type{Name: known.Name, OID: known.OID, Codec: halfVectorCodec{known.Codec}})
	}
}

// halfVector is a vector to search with, as a parameter. pgvector-go's own type takes eight times as long to encode.
type halfVector []float32

// halfVectorCodec is pgvector-go's, but for the binary encoding of a halfVector.
type halfVectorCodec struct{ pgtype.Codec }

// PlanEncode implements pgtype.Codec.
func (c halfVectorCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(halfVector); ok && format == pgtype.BinaryFormatCode {
		return c
	}
	return c.Codec.PlanEncode(m, oid, format, value)
}

// Encode implements pgtype.EncodePlan.
func (halfVectorCodec) Encode(value any, buf []byte) ([]byte, error) {
	v := value.(halfVector)
	return appendHalfVector(slices.Grow(buf, halfHeader+2*len(v)), v), nil
}

// appendHalfVector is pgvector's binary form: dimensions, a reserved zero, and the components as float16.
func appendHalfVector(buf []byte, v []float32) []byte {
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(v)))
	buf = binary.BigEndian.AppendUint16(buf, 0)
	at := len(buf)
	buf = buf[:at+2*len(v)]
	for i, x := range v {
		binary.BigEndian.PutUint16(buf[at+2*i:], half(x))
	}
	return buf
}

// half rounds to the nearest float16, ties to even, as F. Giesen's float_to_half_fast3_rtne does.
func half(x float32) uint16 {
	const (
		infinity = 0x7f800000
		beyond   = 143 << 23 // 2¹⁶, which no float16 reaches
		normal   = 113 << 23 // 2⁻¹⁴, the least that has all digits
		aligned  = 126 << 23 // ½, whose last bit is that of the float16 below normal
	)
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits > infinity:
		return sign | 0x7e00 // not a number
	case bits >= beyond:
		return sign | 0x7c00
	case bits < normal: // the addition rounds
		return sign | uint16(math.Float32bits(math.Float32frombits(bits)+math.Float32frombits(aligned))-aligned)
	}
	bits -= 112 << 23 // from one bias of the exponent to the other
	bits += 0xfff + bits>>13&1
	return sign | uint16(bits>>13) // a carry out of the mantissa went to the exponent, as it should
}

// use has arrays of a type encoded by encoder when they are given as slices of T.
func use[T any](types *pgtype.Map, name string, encoder arrayEncoder[T]) {
	known, ok := types.TypeForName(name)
	if !ok {
		return
	}
	codec, ok := known.Codec.(*pgtype.ArrayCodec)
	if !ok {
		return // done before
	}
	encoder.element = codec.ElementType.OID
	types.RegisterType(&pgtype.Type{Name: name, OID: known.OID, Codec: arrayCodec[T]{codec, encoder}})
}

// arrayCodec is pgx's own, but for the binary encoding of []T.
type arrayCodec[T any] struct {
	*pgtype.ArrayCodec
	encoder arrayEncoder[T]
}

// PlanEncode implements pgtype.Codec.
func (c arrayCodec[T]) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.([]T); ok && format == pgtype.BinaryFormatCode {
		return c.encoder
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

// arrayEncoder writes PostgreSQL's binary form of a one-dimensional array.
type arrayEncoder[T any] struct {
	element uint32 // OID
	size    func(T) int
	put     func(buf []byte, v T) []byte // appends size(v) bytes, for which there is room
	null    func(T) bool                 // nil: no element is NULL
}

// Encode implements pgtype.EncodePlan. A nil slice is NULL.
func (e arrayEncoder[T]) Encode(value any, buf []byte) ([]byte, error) {
	values := value.([]T)
	if values == nil {
		return nil, nil
	}
	total, nulls := 20, uint32(0)
	for _, v := range values {
		total += 4
		if e.null != nil && e.null(v) {
			nulls = 1
		} else {
			total += e.size(v)
		}
	}
	buf = slices.Grow(buf, total)
	buf = binary.BigEndian.AppendUint32(buf, 1) // dimension
	buf = binary.BigEndian.AppendUint32(buf, nulls)
	buf = binary.BigEndian.AppendUint32(buf, e.element)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(values)))
	buf = binary.BigEndian.AppendUint32(buf, 1) // the first element's index
	for _, v := range values {
		if e.null != nil && e.null(v) {
			buf = binary.BigEndian.AppendUint32(buf, math.MaxUint32)
			continue
		}
		buf = binary.BigEndian.AppendUint32(buf, uint32(e.size(v)))
		buf = e.put(buf, v)
	}
	return buf, nil
}
