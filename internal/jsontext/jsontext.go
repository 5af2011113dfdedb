// Package jsontext appends values to JSON text in the form that encoding/json gives them.
package jsontext

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// AppendString appends a string in quotes. HTML is not escaped; what is not UTF-8 becomes U+FFFD.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	text := unsafe.Slice(unsafe.StringData(s), len(s)) // only read
	for start, at := 0, 0; ; {
		at = plainUntil(text, at)
		if at == len(text) {
			return append(append(b, text[start:]...), '"')
		}
		size := 1
		if c := text[at]; c < utf8.RuneSelf {
			b = appendEscaped(append(b, text[start:at]...), c)
		} else {
			var r rune
			r, size = utf8.DecodeRuneInString(s[at:])
			switch {
			case r == utf8.RuneError && size == 1:
				b = append(append(b, text[start:at]...), `\ufffd`...)
			case r == '\u2028' || r == '\u2029': // ends of lines to JavaScript, if not to JSON
				b = append(append(b, text[start:at]...), `\u202`...)
				b = append(b, hexDigits[r&0xF])
			default:
				at += size
				continue
			}
		}
		at += size
		start = at
	}
}

const hexDigits = "0123456789abcdef"

// appendEscaped appends an ASCII character that may not stand for itself.
func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
}

// plainUntil is where from at on the first byte is that is not printable ASCII standing for itself.
func plainUntil(text []byte, at int) int {
	for len(text)-at >= 8 && plain(binary.LittleEndian.Uint64(text[at:])) {
		at += 8
	}
	for at < len(text) && text[at] >= ' ' && text[at] < utf8.RuneSelf && text[at] != '"' && text[at] != '\\' {
		at++
	}
	return at
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain looks at eight bytes at once. A byte less than a bound below 128 borrows when the bound is taken from it, and an
// equal one becomes zero by exclusive or; borrows between bytes can only mistake a plain byte for one that is not, beside
// one that is not indeed.
func plain(eight uint64) bool {
	quote, backslash := eight^ones*'"', eight^ones*'\\'
	return (eight|(eight-ones*' ')|(quote-ones)&^quote|(backslash-ones)&^backslash)&highs == 0
}

// AppendFloat appends a number of 32 or 64 bits that is not infinite.
func AppendFloat(b []byte, f float64, bits int) []byte {
	format := byte('f')
	if size := math.Abs(f); size != 0 && (bits == 64 && (size < 1e-6 || size >= 1e21) || bits == 32 && (float32(size) < 1e-6 || float32(size) >= 1e21)) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, f, format, -1, bits)
	if n := len(b); format == 'e' && n >= 4 && b[n-4] == 'e' && b[n-2] == '0' { // e-09 is e-9
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}
