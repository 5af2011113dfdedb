package extract

import (
	"bytes"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// decodeText makes text of data in any common encoding. In order: a byte order mark, the shape of UTF-16 and
// UTF-32, valid UTF-8, the declared charset when the data is valid in it, and what the data looks like.
// Windows-1252 is the last resort, in which every byte means something.
func decodeText(data []byte, declared string) string {
	if enc, size := byteOrderMark(data); enc != nil {
		return decodeWith(enc, data[size:])
	}
	if name := wideEncoding(sample(data)); name != "" {
		return decodeWith(wideEncodings[name], data)
	}
	// Text in another encoding is hardly ever valid UTF-8 by accident, while wrong declarations are common.
	if utf8.Valid(data) && !escapesJapanese(data) {
		return string(data)
	}
	if text, ok := decodeDeclared(data, declared); ok {
		return text
	}
	return decodeWith(guess(data), data)
}

func decodeWith(enc encoding.Encoding, data []byte) string {
	if enc == nil {
		return string(data)
	}
	// The decoders put U+FFFD for what they cannot read and so never fail.
	out, err := enc.NewDecoder().Bytes(data)
	if err != nil {
		return string(data)
	}
	return string(out)
}

// decodeDeclared trusts a declaration only as far as the data bears it out: servers declare wrongly.
func decodeDeclared(data []byte, declared string) (string, bool) {
	enc, name := charset.Lookup(declared)
	if enc == nil || name == "utf-8" {
		return "", false
	}
	text := decodeWith(enc, data)
	return text, !bytes.ContainsRune([]byte(text), utf8.RuneError)
}

var byteOrderMarks = []struct {
	mark string
	enc  encoding.Encoding
}{
	// UTF-32 first: its little-endian mark starts with that of UTF-16.
	{"\xff\xfe\x00\x00", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)},
	{"\x00\x00\xfe\xff", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)},
	{"\xef\xbb\xbf", unicode.UTF8},
	{"\xff\xfe", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	{"\xfe\xff", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
}

func byteOrderMark(data []byte) (encoding.Encoding, int) {
	for _, b := range byteOrderMarks {
		if bytes.HasPrefix(data, []byte(b.mark)) {
			return b.enc, len(b.mark)
		}
	}
	return nil, 0
}

var wideEncodings = map[string]encoding.Encoding{
	"utf-32le": utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	"utf-32be": utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
	"utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"utf-16be": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
}

// wideEncoding recognises UTF-16 and UTF-32 without a byte order mark by where their NUL bytes lie: spaces,
// digits and line ends are ASCII in every script. A mark counts as well. Binary data is told apart by the
// control characters that it would hold.
func wideEncoding(head []byte) string {
	name := wideShape(head)
	if name == "" || !readable(decodeWith(wideEncodings[name], head[:len(head)/4*4])) {
		return ""
	}
	return name
}

// readable reports whether text is free of control characters and of what could not be decoded, but for a few.
func readable(text string) bool {
	bad, all := 0, 0
	for _, r := range text {
		all++
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' || r == utf8.RuneError {
			bad++
		}
	}
	return bad*20 <= all
}

func wideShape(head []byte) string {
	if enc, _ := byteOrderMark(head); enc != nil {
		for name, wide := range wideEncodings {
			if wide == enc {
				return name
			}
		}
	}
	if len(head) < 8 || bytes.IndexByte(head, 0) < 0 {
		return ""
	}
	var nul [4]int
	for i, c := range head[:len(head)/4*4] {
		if c == 0 {
			nul[i%4]++
		}
	}
	quads := len(head) / 4
	switch {
	case nul[3] == quads && nul[2] > quads*9/10:
		return "utf-32le"
	case nul[0] == quads && nul[1] > quads*9/10:
		return "utf-32be"
	}
	// A quarter of the characters, so that stray NUL bytes in other text do not count.
	low, high, pairs := nul[0]+nul[2], nul[1]+nul[3], 2*quads
	switch {
	case low == 0 && 4*high > pairs:
		return "utf-16le"
	case high == 0 && 4*low > pairs:
		return "utf-16be"
	}
	return ""
}

// escapesJapanese recognises ISO-2022-JP, whose bytes are all ASCII.
func escapesJapanese(data []byte) bool {
	return bytes.Contains(data, []byte("\x1b$B")) || bytes.Contains(data, []byte("\x1b$@"))
}

// guess names the encoding that the data is most probably in. The detector is good at scripts and poor at
// telling the Western European code pages apart, so those are all read as Windows-1252.
func guess(data []byte) encoding.Encoding {
	if isShiftJIS(sample(data)) {
		return japanese.ShiftJIS
	}
	found := chardet.Detect(sample(data))
	enc, name := charset.Lookup(found.Encoding)
	if enc == nil || found.Confidence < 0.5 || name == "utf-8" || westernCodePages[name] {
		return charmap.Windows1252
	}
	return enc
}

// isShiftJIS recognises Japanese by its hiragana, since the detector misses plain Shift-JIS.
func isShiftJIS(head []byte) bool {
	text := decodeWith(japanese.ShiftJIS, head)
	hiragana, other, bad := 0, 0, 0
	for _, r := range text {
		switch {
		case r >= 0x3041 && r <= 0x309f:
			hiragana++
		case r == utf8.RuneError:
			bad++
		case r >= utf8.RuneSelf:
			other++
		}
	}
	// The sample may end within a character.
	return bad <= 1 && hiragana > 0 && hiragana*5 >= other
}

var westernCodePages = map[string]bool{
	"iso-8859-1": true, "windows-1252": true, "iso-8859-15": true, "iso-8859-9": true, "windows-1254": true,
	"iso-8859-3": true, "iso-8859-10": true, "iso-8859-14": true, "iso-8859-4": true, "windows-1257": true,
	"macintosh": true, "windows-874": true, "windows-1258": true, "iso-8859-13": true,
}

// decodeHTML decodes a page; its own <meta charset> counts after the declared charset.
func decodeHTML(data []byte, declared string) string {
	if declared == "" {
		if _, name, certain := charset.DetermineEncoding(data[:min(len(data), 1024)], ""); certain {
			declared = name
		}
	}
	return decodeText(data, declared)
}
