package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lindero/client"
)

func TestLinesFromFilesAndStandardInput(t *testing.T) {
	t.Parallel()
	me := serve(t).customer(t, "acme")
	dir := t.TempDir()
	lines := strings.Join([]string{
		`{"id":"one","text":"first","metadata":{"n":1}}`,
		``, `   `,
		`not json`,
		`{"id":"two","text":"second","colour":"red"}`, // a field that nobody knows
		`{"id":"","text":"no id"}`,
		`{"id":"three","text":""}`,
		`{"id":"long","text":"` + strings.Repeat("x", maxLine) + `"}`,
		`{"id":"four","title":"4","text":"fourth"}` + "\r",
		`{"id":"one","text":"first again"}`,
		`{"id":"five","content":"IyBGaXZl","content_type":"text/markdown"}`, // and no line feed at the end
	}, "\n")
	writeFiles(t, dir, map[string]string{"many.jsonl": lines})
	s := me.ingest(exitFailure, dir+"/many.jsonl")
	var where []string
	for _, f := range s.Failures {
		where = append(where, f.Source[strings.LastIndex(f.Source, ":")+1:]+" "+f.Code)
	}
	slices.Sort(where)
	if want := []string{"4 invalid_request", "5 invalid_request", "6 invalid_request", "7 invalid_request", "8 too_large"}; !slices.Equal(where, want) {
		t.Errorf("failures %q, want %q", where, want)
	}
	documents := me.documents()
	if ids := slices.Sorted(maps.Keys(documents)); !slices.Equal(ids, []string{"five", "four", "one"}) || s.Uploaded != 3 {
		t.Errorf("the server has %q after %+v", ids, s)
	}
	if d := documents["one"]; d.Bytes != int64(len("first again")) || d.Version != 1 {
		t.Errorf("of the id that came twice there is %+v", d)
	}
	if again := me.ingestFrom(lines, exitFailure, "-"); again.Uploaded != 0 || again.Unchanged != 3 || again.Failed != 5 {
		t.Errorf("the same from standard input: %+v", again)
	}
	if again := me.ingestFrom("", exitOK, "-"); again.Uploaded+again.Unchanged+again.Failed != 0 {
		t.Errorf("nothing from standard input: %+v", again)
	}
	for _, args := range [][]string{{"-", "-"}, {"--parallel", "0", "-"}, {"-", "--delete-missing"}, {dir + "/many.jsonl", "--delete-missing"}} {
		if code, _, _ := me.command("", append([]string{"ingest"}, args...)...); code != exitUsage {
			t.Errorf("%q ended with %d", args, code)
		}
	}
}

// TestSameIDInSeveralRequests has one document come again and again, far apart: the last one counts.
func TestSameIDInSeveralRequests(t *testing.T) {
	t.Parallel()
	me := serve(t).customer(t, "acme")
	var lines strings.Builder
	last := 0
	for i := range 3 * batchDocuments {
		id := fmt.Sprint(i)
		if i%100 == 0 {
			id, last = "again", i
		}
		fmt.Fprintf(&lines, "{\"id\":%q,\"text\":\"text %d\"}\n", id, i)
	}
	me.ingestFrom(lines.String(), exitOK, "-", "--parallel", "8")
	_, body, err := me.Content(t.Context(), "default", "again")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	var text [64]byte
	n, _ := body.Read(text[:])
	if want := fmt.Sprintf("text %d", last); string(text[:n]) != want {
		t.Errorf("the document says %q, want %q", text[:n], want)
	}
}

// TestHashIsTheServers sends documents of all shapes twice: unless command and server agree on every hash, some are
// sent again.
func TestHashIsTheServers(t *testing.T) {
	t.Parallel()
	me := serve(t).customer(t, "acme")
	text := rapid.String().Filter(func(s string) bool { return !strings.ContainsRune(s, 0) })
	value := rapid.OneOf(
		rapid.Just[any](1e21), rapid.Just[any](0.1), rapid.Just[any](-0.0), rapid.Just[any](12345678901234567),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) any { return f }), rapid.Map(text, func(s string) any { return s }),
		rapid.Just[any](true), rapid.Map(rapid.SliceOfN(text, 0, 3), func(s []string) any { return s }))
	shapes := rapid.Custom(func(t *rapid.T) map[string]any {
		d := map[string]any{"title": "T" + text.Draw(t, "title")}
		switch rapid.IntRange(0, 3).Draw(t, "shape") {
		case 0:
			d["text"] = text.Draw(t, "text")
		case 1:
			d["content"], d["content_type"] = []byte(text.Draw(t, "content")), "text/markdown; charset=utf-8"
		case 2:
			d["chunks"] = []any{map[string]any{"text": "c" + text.Draw(t, "chunk"), "metadata": map[string]any{"b": 2, "a": value.Draw(t, "value")}}}
		}
		if rapid.Bool().Draw(t, "more") {
			d["language"], d["url"] = "es-MX", "https://example.com/"+text.Draw(t, "url")
			d["metadata"] = map[string]any{"x": value.Draw(t, "value"), "ñ": value.Draw(t, "value")}
		}
		return d
	})
	var lines strings.Builder
	const documents = 300
	for i := range documents {
		d := shapes.Example(i)
		d["id"] = fmt.Sprint(i)
		line, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	code, out, _ := me.command(lines.String(), "ingest", "--json", "-")
	var first summary
	if err := json.Unmarshal([]byte(out), &first); err != nil || code > exitFailure || first.Uploaded < documents*9/10 {
		t.Fatalf("%d, %v: %.2000s", code, err, out)
	}
	_, out, _ = me.command(lines.String(), "ingest", "--json", "-")
	var second summary
	if err := json.Unmarshal([]byte(out), &second); err != nil {
		t.Fatal(err)
	}
	if second.Uploaded != 0 || second.Unchanged != documents-second.Failed {
		t.Errorf("sent again: %+v", second)
	}
	for id, d := range me.documents() {
		if d.Version != 1 {
			t.Errorf("document %s has version %d", id, d.Version)
		}
	}
}

// TestLargeFilesTravelByThemselves are files that do not go into a line, JSON among them.
func TestLargeFilesTravelByThemselves(t *testing.T) {
	t.Parallel()
	me := serve(t).customer(t, "acme")
	dir := t.TempDir()
	large := strings.Repeat("The same sentence over and over. ", maxInline/30)
	writeFiles(t, dir, map[string]string{"large.csv": "name,value\n" + strings.Repeat("x,y\n", 10), "large.json": `{"text":"` + large + `"}`})
	if s := me.ingest(exitOK, dir, "--no-wait"); s.Uploaded != 2 {
		t.Errorf("%+v", s)
	}
	d, err := me.Document(t.Context(), "default", "large.json")
	if err != nil || d.Bytes != int64(len(large)+11) {
		t.Errorf("%+v, %v", d, err)
	}
	if s := me.ingest(exitOK, dir); s.Uploaded != 0 || s.Unchanged != 2 { // and waits for what the first run did not
		t.Errorf("again: %+v", s)
	}
	for id, d := range me.documents() {
		if d.Status != "indexed" {
			t.Errorf("%s is %s", id, d.Status)
		}
	}
	if _, err := client.Collect(me.Chunks(t.Context(), "default", "large.json")); err != nil {
		t.Error(err)
	}
}
