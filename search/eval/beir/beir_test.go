package beir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lindero/search/eval"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"corpus.jsonl":   "{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"uno\"}\n\n{\"_id\":\"d2\",\"text\":\"dos\"}\n",
		"queries.jsonl":  "{\"_id\":\"q1\",\"text\":\"¿uno?\"}\n{\"_id\":\"q2\",\"text\":\"unjudged\"}\n",
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n",
	})
	got, err := Load(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	want := &Collection{
		Documents: []Document{{ID: "d1", Title: "T", Text: "uno"}, {ID: "d2", Text: "dos"}},
		Queries:   []Query{{ID: "q1", Text: "¿uno?", Judged: eval.Judgements{"d1": 2, "d2": 0}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadNamesTheBadLine(t *testing.T) {
	t.Parallel()
	good := map[string]string{"corpus.jsonl": "{}\n", "queries.jsonl": "{}\n", "qrels/test.tsv": "h\n"}
	for file, content := range map[string]string{"corpus.jsonl": "{}\n{", "queries.jsonl": "{}\n[]", "qrels/test.tsv": "h\nq\td"} {
		files := map[string]string{}
		for name, c := range good {
			files[name] = c
		}
		files[file] = content
		_, err := Load(write(t, files), "test")
		if err == nil || !strings.Contains(err.Error(), filepath.Base(file)+":2:") {
			t.Errorf("%s: %v", file, err)
		}
	}
	if _, err := Load(t.TempDir(), "test"); !os.IsNotExist(err) {
		t.Errorf("empty directory: %v", err)
	}
}
