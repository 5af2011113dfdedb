// Package beir reads retrieval test collections in the layout of the BEIR benchmark: corpus.jsonl,
// queries.jsonl and qrels/<split>.tsv.
package beir

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"lindero/search/eval"
)

// maxLine bounds one line of a file.
const maxLine = 16 << 20

// Document is one entry of the corpus.
type Document struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Query is one query together with its judgements.
type Query struct {
	ID     string `json:"_id"`
	Text   string `json:"text"`
	Judged eval.Judgements
}

// Collection is a test collection with those queries only that have judgements.
type Collection struct {
	Documents []Document
	Queries   []Query
}

// Load reads the collection in directory dir with the judgements of split (usually "test").
func Load(dir, split string) (*Collection, error) {
	judged, err := judgements(filepath.Join(dir, "qrels", split+".tsv"))
	if err != nil {
		return nil, err
	}
	documents, err := lines[Document](filepath.Join(dir, "corpus.jsonl"))
	if err != nil {
		return nil, err
	}
	queries, err := lines[Query](filepath.Join(dir, "queries.jsonl"))
	if err != nil {
		return nil, err
	}
	c := &Collection{Documents: documents}
	for _, q := range queries {
		if q.Judged = judged[q.ID]; q.Judged != nil {
			c.Queries = append(c.Queries, q)
		}
	}
	return c, nil
}

// lines decodes each line of a file as one JSON value.
func lines[T any](path string) ([]T, error) {
	var values []T
	err := eachLine(path, func(line string) error {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			return err
		}
		values = append(values, v)
		return nil
	})
	return values, err
}

// judgements reads lines of query id, document id and grade with tabs between, after a line of headings.
func judgements(path string) (map[string]eval.Judgements, error) {
	judged := map[string]eval.Judgements{}
	first := true
	err := eachLine(path, func(line string) error {
		if first {
			first = false
			return nil
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 3 {
			return fmt.Errorf("%d fields, want 3", len(fields))
		}
		grade, err := strconv.Atoi(fields[2])
		if err != nil {
			return err
		}
		if judged[fields[0]] == nil {
			judged[fields[0]] = eval.Judgements{}
		}
		judged[fields[0]][fields[1]] = grade
		return nil
	})
	return judged, err
}

// eachLine calls use for each line of a file that is not blank; an error names the file and the line.
func eachLine(path string, use func(line string) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return scan(file, path, use)
}

func scan(r io.Reader, name string, use func(line string) error) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" {
			continue
		}
		if err := use(line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
