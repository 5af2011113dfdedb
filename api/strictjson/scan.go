package strictjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

func (d *decoder) space() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\n', '\t', '\r':
			d.pos++
		default:
			return
		}
	}
}

// peek is the next byte that is not white space, or 0 at the end.
func (d *decoder) peek() byte {
	d.space()
	if d.pos == len(d.data) {
		return 0
	}
	return d.data[d.pos]
}

func (d *decoder) enter() error {
	d.pos++
	if d.depth++; d.depth > maxDepth {
		return d.malformed("nested more than %d levels deep", maxDepth)
	}
	return nil
}

// skip passes over one value of any kind and checks its grammar.
func (d *decoder) skip() error {
	switch c := d.peek(); {
	case c == '{':
		return d.members(func([]byte) error { return d.skip() })
	case c == '[':
		return d.elements(func(int) error { return d.skip() })
	case c == '"':
		_, err := d.text()
		return err
	case c == '-' || c >= '0' && c <= '9':
		_, err := d.number()
		return err
	default:
		return d.word()
	}
}

// members calls field for each member of the object that starts here, with its name still quoted; field must
// consume the value.
func (d *decoder) members(field func(name []byte) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	if d.peek() == '}' {
		d.pos++
		d.depth--
		return nil
	}
	for {
		if d.peek() != '"' {
			return d.malformed("expected a field's name in quotes")
		}
		name, err := d.text()
		if err != nil {
			return err
		}
		if d.peek() != ':' {
			return d.malformed("expected a colon after a field's name")
		}
		d.pos++
		if err := field(name); err != nil {
			return err
		}
		switch d.peek() {
		case ',':
			d.pos++
		case '}':
			d.pos++
			d.depth--
			return nil
		default:
			return d.malformed("expected a comma or the end of the object")
		}
	}
}

// elements calls element for each element of the array that starts here; element must consume it.
func (d *decoder) elements(element func(i int) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	if d.peek() == ']' {
		d.pos++
		d.depth--
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		switch d.peek() {
		case ',':
			d.pos++
		case ']':
			d.pos++
			d.depth--
			return nil
		default:
			return d.malformed("expected a comma or the end of the array")
		}
	}
}

var words = [][]byte{[]byte("null"), []byte("true"), []byte("false")}

func (d *decoder) word() error {
	for _, w := range words {
		if bytes.HasPrefix(d.data[d.pos:], w) {
			d.pos += len(w)
			return nil
		}
	}
	if d.pos == len(d.data) {
		return d.malformed("it ends too early")
	}
	return d.malformed("expected a value")
}

// number passes over a number and returns its text.
func (d *decoder) number() ([]byte, error) {
	start := d.pos
	if d.data[d.pos] == '-' {
		d.pos++
	}
	first := d.pos
	if n := d.digits(); n == 0 || n > 1 && d.data[first] == '0' {
		return nil, d.malformed("expected a number")
	}
	if d.pos < len(d.data) && d.data[d.pos] == '.' {
		d.pos++
		if d.digits() == 0 {
			return nil, d.malformed("expected digits after the decimal point")
		}
	}
	if d.pos < len(d.data) && d.data[d.pos]|0x20 == 'e' {
		d.pos++
		if d.pos < len(d.data) && (d.data[d.pos] == '+' || d.data[d.pos] == '-') {
			d.pos++
		}
		if d.digits() == 0 {
			return nil, d.malformed("expected digits in the exponent")
		}
	}
	return d.data[start:d.pos], nil
}

func (d *decoder) digits() int {
	start := d.pos
	for d.pos < len(d.data) && d.data[d.pos]-'0' <= 9 {
		d.pos++
	}
	return d.pos - start
}

// text passes over a string and returns it still quoted, its escapes checked.
func (d *decoder) text() ([]byte, error) {
	start := d.pos
	for d.pos++; d.pos < len(d.data); {
		switch c := d.data[d.pos]; {
		case c == '"':
			d.pos++
			return d.data[start:d.pos], nil
		case c == '\\':
			if err := d.escape(); err != nil {
				return nil, err
			}
		case c < ' ':
			return nil, d.malformed("a control character in a string must be escaped")
		default:
			d.pos++
		}
	}
	return nil, d.malformed("a string does not end")
}

func (d *decoder) escape() error {
	if d.pos+1 >= len(d.data) {
		return d.malformed("a string does not end")
	}
	switch d.data[d.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		d.pos += 2
		return nil
	case 'u':
	default:
		return d.malformed("unknown escape in a string")
	}
	high, ok := hex4(d.data[d.pos:])
	if !ok {
		return d.malformed("\\u needs four hexadecimal digits")
	}
	if high == 0 {
		// PostgreSQL's text and jsonb cannot hold it, and it has no place in honest text.
		return d.malformed("the character U+0000 is not allowed")
	}
	if utf16.IsSurrogate(high) {
		low, ok := hex4(d.data[d.pos+6:])
		if !ok || utf16.DecodeRune(high, low) == utf8.RuneError {
			return d.malformed("half a surrogate pair in a string")
		}
		d.pos += 6
	}
	d.pos += 6
	return nil
}

// hex4 reads a \uXXXX escape at the start of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unquote is the string that checked, quoted text stands for.
func unquote(quoted []byte) string {
	body := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(body, '\\') < 0 {
		return string(body)
	}
	out := make([]byte, 0, len(body))
	for i := 0; i < len(body); {
		if body[i] != '\\' {
			out = append(out, body[i])
			i++
			continue
		}
		if body[i+1] != 'u' {
			out = append(out, unescaped[body[i+1]])
			i += 2
			continue
		}
		r, _ := hex4(body[i:])
		i += 6
		if utf16.IsSurrogate(r) {
			low, _ := hex4(body[i:])
			r = utf16.DecodeRune(r, low)
			i += 6
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
