// Package evaldata finds the optional evaluation data for tests and benchmarks.
package evaldata

import (
	"os"
	"path/filepath"
	"testing"

	"lindero/search/eval/beir"
)

// Dir returns the directory of evaluation data called name: below the environment variable
// LINDERO_EVALDATA, or else below shared/evaldata beside one of the directories above. The test is
// skipped where there is none.
func Dir(t testing.TB, name string) string {
	t.Helper()
	if root := os.Getenv("LINDERO_EVALDATA"); root != "" {
		return existing(t, filepath.Join(root, name))
	}
	at, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for parent := filepath.Dir(at); parent != at; at, parent = parent, filepath.Dir(parent) {
		if dir := filepath.Join(at, "shared", "evaldata", name); isDir(dir) {
			return dir
		}
	}
	return existing(t, filepath.Join(at, "shared", "evaldata", name))
}

func existing(t testing.TB, dir string) string {
	t.Helper()
	if !isDir(dir) {
		t.Skipf("no evaluation data at %s; set LINDERO_EVALDATA to its directory", dir)
	}
	return dir
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Collection loads a retrieval test collection by the name of its directory.
func Collection(t testing.TB, name string) *beir.Collection {
	t.Helper()
	c, err := beir.Load(Dir(t, name), "test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}
