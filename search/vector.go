package search

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unsafe"

	"lindero/store"
)

// Vector is a JSON array of finite numbers. It decodes itself in a fraction of the time that encoding/json takes
// (BenchmarkVector).
type Vector []float32

// UnmarshalJSON reads a vector; null gives nil. The slice of bytes is valid JSON already.
func (v *Vector) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*v = nil
		return nil
	}
	if len(data) < 2 || data[0] != '[' {
		return errors.New("a vector must be an array of numbers")
	}
	numbers := make([]float32, 0, min(bytes.Count(data, comma)+1, store.MaxDimensions))
	for at := 1; ; {
		at = skipSpace(data, at)
		if data[at] == ']' && len(numbers) == 0 {
			break
		}
		number, end, ok := shortNumber(data, at)
		if !ok {
			var err error
			if number, end, err = anyNumber(data, at); err != nil {
				return fmt.Errorf("component %d of the vector is not a number within the range of a 32-bit float", len(numbers))
			}
		}
		if len(numbers) == store.MaxDimensions {
			return fmt.Errorf("a vector has at most %d components", store.MaxDimensions)
		}
		numbers = append(numbers, number)
		if at = skipSpace(data, end); data[at] == ']' {
			break
		}
		at++ // the comma
	}
	*v = numbers
	return nil
}

var comma = []byte{','}

// anyNumber reads whatever stands at a place up to the next comma, bracket or blank.
func anyNumber(data []byte, at int) (float32, int, error) {
	end := at
	for data[end] != ',' && data[end] != ']' && !isSpace(data[end]) {
		end++
	}
	number, err := strconv.ParseFloat(unsafe.String(&data[at], end-at), 32) // the text does not outlive the call
	if err == nil && math.IsInf(number, 0) {
		err = strconv.ErrRange
	}
	return float32(number), end, err
}

// powersOfTen are exact in 64 bits.
var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// shortNumber reads a plain decimal number such as components of vectors are: at most 15 digits without leading
// zeros, and an exponent of two digits. Digits and power of ten are then exact in 64 bits, so their quotient is rounded once
// (W. D. Clinger, "How to read floating point numbers accurately", PLDI 1990), and rounding it again to 32 bits gives
// the right answer unless it lies just in the middle of two. ok is false for that and for everything else.
func shortNumber(data []byte, at int) (number float32, end int, ok bool) {
	negative := data[at] == '-'
	if negative {
		at++
	}
	digits, exponent, count := uint64(0), 0, 0
	fraction := false
	for ; ; at++ { // ends before the array's bracket at the latest
		c := data[at] - '0'
		if c <= 9 {
			digits = digits*10 + uint64(c)
			if digits > 0 {
				count++
			}
			if fraction {
				exponent--
			}
			continue
		}
		if data[at] != '.' || fraction {
			break
		}
		fraction = true
	}
	if data[at] == 'e' || data[at] == 'E' {
		var power int
		if power, at, ok = shortExponent(data, at+1); !ok {
			return 0, 0, false
		}
		exponent += power
	}
	if count > 15 || exponent < -22 || exponent > 22 || (data[at] != ',' && data[at] != ']' && !isSpace(data[at])) {
		return 0, 0, false
	}
	value := float64(digits)
	if exponent < 0 {
		value /= powersOfTen[-exponent]
	} else {
		value *= powersOfTen[exponent]
	}
	const halfway, lower = 1 << 28, 1<<29 - 1 // of the 29 bits that 32-bit floats have not
	if value != 0 && (math.Float64bits(value)&lower == halfway || value < 0x1p-126 || value > math.MaxFloat32) {
		return 0, 0, false
	}
	if negative {
		value = -value
	}
	return float32(value), at, true
}

// shortExponent reads a sign and one or two digits.
func shortExponent(data []byte, at int) (power, end int, ok bool) {
	negative := data[at] == '-'
	if negative || data[at] == '+' {
		at++
	}
	start := at
	for ; data[at]-'0' <= 9 && at-start < 3; at++ {
		power = power*10 + int(data[at]-'0')
	}
	if negative {
		power = -power
	}
	return power, at, at-start == 1 || at-start == 2
}

func skipSpace(data []byte, at int) int {
	for isSpace(data[at]) {
		at++
	}
	return at
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
