package extract

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxFrontMatter is more than any header of a page needs; a longer one is text.
const maxFrontMatter = 64 << 10

// frontMatter splits a YAML header from a Markdown page and notes its values. A header that is not a YAML
// mapping is part of the text.
func frontMatter(text string, b *builder) (rest string) {
	if !strings.HasPrefix(text, "---\n") {
		return text
	}
	end := closingFence(text)
	if end < len("---\n") || end > maxFrontMatter { // none, an empty one, or none that ends
		return text
	}
	var values map[string]any
	// yaml.v3 refuses documents whose aliases expand excessively.
	if err := yaml.Unmarshal([]byte(text[4:end]), &values); err != nil || values == nil {
		return text
	}
	flatten("", values, b.metadata, 3)
	if title, ok := b.metadata["title"].(string); ok {
		b.title = title
		delete(b.metadata, "title")
	}
	for _, key := range []string{"lang", "language"} {
		if language, ok := b.metadata[key].(string); ok {
			b.language = language
		}
	}
	_, rest, _ = strings.Cut(text[end+1:], "\n")
	return rest
}

// closingFence is the offset of the line break before the line that ends a header, or -1.
func closingFence(text string) int {
	for at := 3; ; {
		n := strings.IndexByte(text[at+1:], '\n')
		line := text[at+1:]
		if n >= 0 {
			line = line[:n]
		}
		if line = strings.TrimRight(line, " \t"); line == "---" || line == "..." {
			return at
		}
		if n < 0 {
			return -1
		}
		at += 1 + n
	}
}

// flatten copies values into facts, which hold strings, numbers, booleans and lists of strings only: nested
// mappings become dotted keys down to depth, and what fits none of these is left out.
func flatten(prefix string, values map[string]any, facts map[string]any, depth int) {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		name := prefix + oneLine(clean(key))
		switch value := values[key].(type) {
		case map[string]any:
			if depth > 1 {
				flatten(name+".", value, facts, depth-1)
			}
		case []any:
			if list := stringList(value); len(list) > 0 {
				facts[name] = list
			}
		default:
			if fact, ok := scalar(value); ok {
				facts[name] = fact
			}
		}
	}
}

func scalar(value any) (any, bool) {
	switch v := value.(type) {
	case string:
		v = strings.TrimSpace(clean(v))
		return v, v != "" && len(v) <= maxFact
	case bool:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, v-v == 0 // not infinite, not NaN
	case time.Time:
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return v.Format(time.DateOnly), true
		}
		return v.Format(time.RFC3339), true
	default:
		return nil, false
	}
}

func stringList(values []any) []string {
	var list []string
	for _, value := range values {
		if fact, ok := scalar(value); ok {
			list = append(list, fmt.Sprint(fact))
		}
	}
	return list
}
