package search_test

import (
	"encoding/json"
	"testing"

	"lindero/search"
)

// FuzzVector compares the vectors' own decoder with encoding/json's.
func FuzzVector(f *testing.F) {
	for _, seed := range []string{`[1,-2.5e3,0.1]`, `[]`, `null`, `[ 1 , 2 ]`, `[1e400]`, `["a"]`, `[1,]`, `[01]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var own search.Vector
		var plain []float32
		mine, theirs := json.Unmarshal(data, &own), json.Unmarshal(data, &plain)
		if mine == nil && theirs != nil {
			t.Fatalf("%q was taken: %v", data, theirs)
		}
		if mine == nil && len(own) != len(plain) {
			t.Fatalf("%q: %d numbers, want %d", data, len(own), len(plain))
		}
		for i := range own {
			if own[i] != plain[i] {
				t.Fatalf("%q: number %d is %v, want %v", data, i, own[i], plain[i])
			}
		}
	})
}
