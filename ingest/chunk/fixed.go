package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"lindero/ingest/extract"
)

// splitNone makes one chunk of all text.
func splitNone(doc extract.Document) []Chunk {
	start, end := trim(doc.Text, 0, len(doc.Text))
	if start == end {
		return nil
	}
	return []Chunk{{Start: start, End: end}}
}

// splitFixed cuts windows of at most MaxTokens at words. Each window but the first starts with words of the
// one before it, at most OverlapTokens of them.
func splitFixed(doc extract.Document, options Options) []Chunk {
	words := splitWords(doc.Text, span{end: len(doc.Text)}, options.MaxTokens)
	var chunks []Chunk
	for first := 0; first < len(words); {
		last, tokens := first, 0 // the window is words[first:last]
		for last < len(words) && tokens+words[last].tokens <= options.MaxTokens {
			tokens += words[last].tokens
			last++
		}
		start, end := trim(doc.Text, words[first].start, words[last-1].end)
		chunks = append(chunks, Chunk{Start: start, End: end})
		if last == len(words) {
			break
		}
		first = overlapStart(words, first, last, options.OverlapTokens)
	}
	return chunks
}

// overlapStart is where the window after words[first:last] begins: as far back as the overlap reaches, but
// always after first.
func overlapStart(words []span, first, last, overlap int) int {
	next := last
	for tokens := 0; next-1 > first; next-- {
		if tokens += words[next-1].tokens; tokens > overlap {
			break
		}
	}
	return next
}

// splitWords cuts s at white space into pieces that start with a word and end before the next. A word that
// costs more than budget is cut between its characters.
func splitWords(text string, s span, budget int) []span {
	var words []span
	start, inWord := -1, false
	end := s.start // of the last word's characters
	flush := func(until int) {
		if start >= 0 {
			words = appendWord(words, text, span{start: start, end: until}, end, budget)
		}
	}
	for i := s.start; i < s.end; {
		r, size := utf8.DecodeRuneInString(text[i:s.end])
		blank := unicode.IsSpace(r)
		if !blank && !inWord {
			flush(i)
			start = i
		}
		inWord = !blank
		i += size
		if inWord {
			end = i
		}
	}
	flush(s.end)
	return words
}

// appendWord adds one word, or pieces of it that fit the budget; its characters end at end.
func appendWord(words []span, text string, word span, end, budget int) []span {
	word.tokens = Count(text[word.start:end])
	if word.tokens <= budget {
		return append(words, word)
	}
	from := word.start
	for from < end {
		to := from + pieceLength(text[from:end], budget)
		words = append(words, span{start: from, end: to, tokens: Count(text[from:to])})
		from = to
	}
	words[len(words)-1].end = word.end
	return words
}

// pieceLength is the length of the longest start of word within budget, at least one character. A character
// costs at most two tokens, so budget/2 characters always fit.
func pieceLength(word string, budget int) int {
	length, characters := 0, 0
	for length < len(word) && characters < max(budget/2, 1) {
		_, size := utf8.DecodeRuneInString(word[length:])
		length += size
		characters++
	}
	return length
}

// trim narrows text[start:end] to what is not white space at either end.
func trim(text string, start, end int) (int, int) {
	s := text[start:end]
	left := strings.TrimLeftFunc(s, unicode.IsSpace)
	start += len(s) - len(left)
	return start, start + len(strings.TrimRightFunc(left, unicode.IsSpace))
}
