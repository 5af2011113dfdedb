package extract

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// maxColumns bounds the cells of one row.
const maxColumns = 10_000

// parseCSV reads rows of comma-, semicolon-, tab- or pipe-separated values as one table whose first row
// names the columns. Quoting errors do not stop it: the lines in question are read without quotes.
func parseCSV(ctx context.Context, src source, b *builder) error {
	decoded, err := src.text()
	if err != nil {
		return err
	}
	text := clean(decoded)
	separator := sniffSeparator(text)
	rows := csv.NewReader(strings.NewReader(text))
	rows.Comma = separator
	rows.FieldsPerRecord = -1
	rows.LazyQuotes = true
	rows.ReuseRecord = true
	for n := 0; !b.full; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(row) > maxColumns {
			return tooLarge("a row may have at most %d columns", maxColumns)
		}
		if n == 0 {
			b.tableHeader(row)
			continue
		}
		b.tableRow(row)
	}
	return nil
}

// sniffSeparator chooses the separator that the first lines agree on: the one in most of them, then the one
// most often in the first.
func sniffSeparator(text string) rune {
	var lines []string
	for line := range strings.SplitSeq(text[:min(len(text), 64<<10)], "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, outsideQuotes(line))
		}
		if len(lines) == 20 {
			break
		}
	}
	best, bestLines, bestCount := ',', 0, 0
	for _, separator := range ",;\t|" {
		in, count := 0, 0
		for i, line := range lines {
			n := strings.Count(line, string(separator))
			if n > 0 {
				in++
			}
			if i == 0 {
				count = n
			}
		}
		if in > bestLines || in == bestLines && count > bestCount {
			best, bestLines, bestCount = separator, in, count
		}
	}
	return best
}

// outsideQuotes is a line without its quoted parts.
func outsideQuotes(line string) string {
	var s strings.Builder
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 0 {
			s.WriteString(part)
		}
	}
	return s.String()
}
