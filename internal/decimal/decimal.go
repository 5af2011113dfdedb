// Package decimal reads the numbers of vectors from JSON text: plain decimal numbers, to the nearest float32.
package decimal

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// halfway is what the 29 bits that a float32 lacks of a float64 hold in the middle between two float32, and doubt how
// close to it the value may be by which float32 decides: three roundings away, each of at most one unit.
const (
	lostBits = 29
	halfway  = 1 << (lostBits - 1)
	doubt    = 3
)

// powersOfTen are all that a float64 holds exactly.
var powersOfTen = func() (powers [23]float64) {
	powers[0] = 1
	for i := 1; i < len(powers); i++ {
		powers[i] = 10 * powers[i-1]
	}
	return powers
}()

// Float32At reads the number at data[pos] and returns the nearest float32 and the position after it, in a quarter of
// strconv's time. It takes what vectors are made of: up to nineteen digits and a small exponent. ok is false for
// anything else, be it a number or not.
func Float32At(data []byte, pos int) (f float32, end int, ok bool) {
	minus := 0 // counted, not branched upon: a vector's signs cannot be foretold
	if data[pos] == '-' {
		minus = 1
	}
	pos += minus
	first := pos
	var mantissa uint64
	if pos+1 < len(data) && data[pos+1] == '.' && data[pos]-'0' <= 9 { // as all parts of a unit vector
		mantissa, pos = uint64(data[pos]-'0'), pos+1
	} else {
		mantissa, pos = digitsAt(data, pos, 0)
	}
	digits, exponent := pos-first, 0
	if digits == 0 || digits > 1 && data[first] == '0' {
		return 0, 0, false
	}
	if pos < len(data) && data[pos] == '.' {
		point := pos + 1
		mantissa, pos = digitsAt(data, point, mantissa)
		if pos == point {
			return 0, 0, false
		}
		exponent = point - pos
		digits -= exponent
	}
	if digits > 19 { // the mantissa may have overflowed
		return 0, 0, false
	}
	if pos < len(data) && data[pos]|0x20 == 'e' {
		power, after, ok := exponentAt(data, pos+1)
		if !ok {
			return 0, 0, false
		}
		exponent, pos = exponent+power, after
	}
	f, ok = nearest(mantissa, exponent)
	return math.Float32frombits(math.Float32bits(f) | uint32(minus)<<31), pos, ok
}

// digitsAt reads the digits at data[pos] on to value, and returns the position after them. It looks at eight bytes at once,
// as in D. Lemire, Number parsing at a gigabyte per second (2021), and counts the digits among them instead of reading
// the last few one by one: how many there are differs from number to number, and a processor guesses wrong.
func digitsAt(data []byte, pos int, value uint64) (uint64, int) {
	for len(data)-pos >= 8 {
		eight := binary.LittleEndian.Uint64(data[pos:]) ^ 0x3030303030303030
		// The lowest bit is of the first byte that is no digit; what carries from there only reaches the bytes after it.
		other := (eight + 0x7676767676767676 | eight) & 0x8080808080808080
		if other != 0 {
			digits := bits.TrailingZeros64(other) / 8
			return wholePowers[digits]*value + eightDigits(eight<<(64-8*digits)), pos + digits
		}
		value = wholePowers[8]*value + eightDigits(eight)
		pos += 8
	}
	for pos < len(data) {
		digit := data[pos] - '0'
		if digit > 9 {
			break
		}
		value = 10*value + uint64(digit)
		pos++
	}
	return value, pos
}

// wholePowers are what digits read before are worth when so many more follow.
var wholePowers = [9]uint64{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000}

// eightDigits is the number of eight digits, the first in the lowest byte.
func eightDigits(eight uint64) uint64 {
	eight = eight*10 + eight>>8
	const mask = 0x000000FF000000FF
	return ((eight&mask)*0x000F424000000064 + (eight>>16&mask)*0x0000271000000001) >> 32
}

// exponentAt reads an exponent of one to three digits.
func exponentAt(data []byte, pos int) (power, end int, ok bool) {
	negative := false
	if pos < len(data) && (data[pos] == '+' || data[pos] == '-') {
		negative = data[pos] == '-'
		pos++
	}
	value, end := digitsAt(data, pos, 0)
	if power = int(value); negative {
		power = -power
	}
	return power, end, end > pos && end-pos <= 3
}

// nearest is the float32 nearest to mantissa · 10^exponent, when a float64 of it, which may be off by its last bits,
// leaves no doubt.
func nearest(mantissa uint64, exponent int) (float32, bool) {
	if mantissa == 0 {
		return 0, true
	}
	value := float64(mantissa)
	switch {
	case exponent < -22 || exponent > 22:
		return 0, false
	case exponent < 0:
		value /= powersOfTen[-exponent]
	default:
		value *= powersOfTen[exponent]
	}
	lost := int64(math.Float64bits(value) & (1<<lostBits - 1))
	if value >= math.MaxFloat32 || lost > halfway-doubt && lost < halfway+doubt {
		return 0, false
	}
	return float32(value), true
}
