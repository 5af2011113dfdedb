package extract_test

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"lindero/fault"
	"lindero/ingest/extract"
	"lindero/internal/evaldata"
)

// manifestFile is one line of the manifest of real files: what to expect of each.
type manifestFile struct {
	path, expect, groundTruth string
}

func (f manifestFile) format() string { return f.path[:strings.IndexByte(f.path, '/')] }

func manifest(t testing.TB) (dir string, files []manifestFile) {
	t.Helper()
	dir = evaldata.Dir(t, "formats")
	file, err := os.Open(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 7 || fields[0] == "file" {
			continue
		}
		files = append(files, manifestFile{path: fields[0], expect: fields[5], groundTruth: fields[6]})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

func extractFile(t testing.TB, path string) (extract.Document, error) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Shares of words are measured, not speed: a busy machine may take longer than a server would allow.
	limits := extract.Limits{Time: 10 * time.Minute}
	return extract.Extract(context.Background(), extract.Input{Data: data, Filename: filepath.Base(path), Limits: limits})
}

// TestGroundTruth measures which share of the words of each ground truth is found, in order, in the extracted
// text, and holds it at .95 in the median and .85 for nine files of ten, in each format. With -v it prints the tables
// of docs/formats.md.
func TestGroundTruth(t *testing.T) {
	dir, files := manifest(t)
	type score struct {
		path  string
		share float64
	}
	byFormat := map[string][]score{}
	var all []score
	for _, file := range files {
		if file.groundTruth == "" {
			continue
		}
		truth, err := os.ReadFile(filepath.Join(dir, file.groundTruth))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := extractFile(t, filepath.Join(dir, file.path))
		if fault.Is(err, fault.UnsupportedMediaType) {
			continue
		}
		s := score{file.path, 0}
		if err != nil {
			t.Logf("%s: %v", file.path, err)
		} else {
			s.share = inOrder(truthWords(string(truth)), words(doc.Text))
		}
		byFormat[file.format()] = append(byFormat[file.format()], s)
		all = append(all, s)
	}
	byShare := func(a, b score) int { return cmpFloat(a.share, b.share) }
	byFormat["all"] = all
	t.Logf("| format | files | median | lowest tenth | lowest |")
	t.Logf("|---|---|---|---|---|")
	for _, format := range slices.Sorted(mapsKeys(byFormat)) {
		scores := byFormat[format]
		slices.SortFunc(scores, byShare)
		median, tenth := scores[len(scores)/2].share, scores[len(scores)/10].share
		t.Logf("| %s | %d | %.3f | %.3f | %.3f |", format, len(scores), median, tenth, scores[0].share)
		if median < .95 {
			t.Errorf("%s: median share %.3f, want at least .95", format, median)
		}
		if tenth < .85 {
			t.Errorf("%s: share of the file at one tenth %.3f, want at least .85", format, tenth)
		}
	}
	t.Logf("The lowest ten:")
	for _, s := range all[:min(10, len(all))] {
		t.Logf("| %.3f | %s |", s.share, s.path)
	}
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func mapsKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

var (
	comments    = regexp.MustCompile(`(?s)<!--.*?-->`)
	linkTargets = regexp.MustCompile(`\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)`)
)

// truthWords are the words of a ground truth that a reader of the document sees: the placeholders of images
// and the targets of links are the converter's.
func truthWords(truth string) []string {
	truth = comments.ReplaceAllString(truth, " ")
	truth = linkTargets.ReplaceAllString(truth, "] ")
	return words(html.UnescapeString(strings.NewReplacer(`\_`, "_", `\*`, "*").Replace(truth)))
}

// words are runs of letters and digits, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// inOrder is the length of the longest common subsequence of both, as a share of want: 1 for nothing wanted.
func inOrder(want, got []string) float64 {
	if len(want) == 0 {
		return 1
	}
	row := make([]int, len(got)+1)
	for _, w := range want {
		diagonal := 0
		for j, g := range got {
			above := row[j+1]
			switch {
			case w == g:
				row[j+1] = diagonal + 1
			case row[j] > above:
				row[j+1] = row[j]
			}
			diagonal = above
		}
	}
	return float64(row[len(got)]) / float64(len(want))
}

// TestManifest gives every file of the manifest to Extract and expects what it says: text, or a refusal with
// the code that fits. Files of scanned pages may also turn out to hold no text.
func TestManifest(t *testing.T) {
	dir, files := manifest(t)
	counts := map[string]map[string]int{}
	for _, file := range files {
		doc, err := extractFile(t, filepath.Join(dir, file.path))
		outcome := "text"
		if err != nil {
			outcome = string(fault.CodeOf(err))
		}
		if counts[file.format()] == nil {
			counts[file.format()] = map[string]int{}
		}
		counts[file.format()][outcome]++
		switch {
		case file.expect == "password" && outcome == "encrypted":
		case file.expect == "parse" && (outcome == "text" || outcome == "no_text"):
		case strings.HasPrefix(file.expect, "unsupported") && (outcome == "text" || outcome == "unsupported_media_type"):
		default:
			t.Errorf("%s: expected %s, got %s: %v", file.path, file.expect, outcome, err)
		}
		if outcome != "text" {
			t.Logf("%s: %v", file.path, err)
		}
		checkDocument(t, doc)
	}
	for _, format := range slices.Sorted(mapsKeys(counts)) {
		t.Logf("%-5s %v", format, counts[format])
	}
}
