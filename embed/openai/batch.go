package openai

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer"

	"lindero/fault"
)

// blank stands for a text without any visible character, because the API refuses empty strings.
const blank = "."

// vocabulary is loaded at the first use: it takes a moment and some megabytes.
var vocabulary = sync.OnceValues(func() (tokenizer.Codec, error) { return tokenizer.Get(tokenizer.Cl100kBase) })

// input is a text made fit for the API.
type input struct {
	text   string
	tokens int // estimated from above
	cut    bool
}

// fit replaces a blank text, makes the text valid UTF-8 and cuts it to at most limit tokens. Counting is
// slow, so it is spared where the bytes alone prove a text short enough: a token has at least one byte.
func fit(text string, limit int) (input, error) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if strings.TrimSpace(text) == "" {
		return input{text: blank, tokens: 1}, nil
	}
	if len(text) <= limit {
		return input{text: text, tokens: len(text)/2 + 1}, nil
	}
	return truncate(text, limit)
}

func truncate(text string, limit int) (input, error) {
	codec, err := vocabulary()
	if err != nil {
		return input{}, fault.Wrap(err, fault.Internal, "the token vocabulary cannot be read")
	}
	// No sensible text has more than this many bytes a token; more would only take time.
	const maxTokenBytes = 16
	cut := false
	if len(text) > limit*maxTokenBytes {
		text, cut = whole(text[:limit*maxTokenBytes]), true
	}
	ids, _, err := codec.Encode(text)
	if err != nil {
		return input{}, fault.Wrap(err, fault.Internal, "a text cannot be split into tokens")
	}
	if len(ids) <= limit {
		return input{text: text, tokens: len(ids), cut: cut}, nil
	}
	short, err := codec.Decode(ids[:limit])
	if err != nil {
		return input{}, fault.Wrap(err, fault.Internal, "a text cannot be cut to the model's tokens")
	}
	return input{text: whole(short), tokens: limit, cut: true}, nil
}

// whole drops the broken rune that a cut may leave at the end of s.
func whole(s string) string {
	for range utf8.UTFMax {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}

// batches cuts inputs into runs that one request may carry.
func batches(inputs []input, maxInputs, maxTokens int) [][]input {
	var runs [][]input
	start, tokens := 0, 0
	for i, in := range inputs {
		if i > start && (i-start == maxInputs || tokens+in.tokens > maxTokens) {
			runs = append(runs, inputs[start:i])
			start, tokens = i, 0
		}
		tokens += in.tokens
	}
	if start < len(inputs) {
		runs = append(runs, inputs[start:])
	}
	return runs
}
