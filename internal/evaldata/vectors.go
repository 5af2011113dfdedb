package evaldata

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// Vectors reads an .fvecs file of a data set: for each vector its dimension as int32, then that many float32,
// all little endian.
func Vectors(t testing.TB, set, file string) [][]float32 { return rows[float32](t, set, file) }

// Neighbours reads an .ivecs file: for each query the rows nearest to it, -1 where there are no more.
func Neighbours(t testing.TB, set, file string) [][]int32 { return rows[int32](t, set, file) }

// Numbers reads a file of int32, little endian.
func Numbers(t testing.TB, set, file string) []int32 {
	t.Helper()
	raw := content(t, set, file)
	numbers := make([]int32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.LittleEndian, numbers); err != nil {
		t.Fatal(err)
	}
	return numbers
}

func content(t testing.TB, set, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(Dir(t, set), file))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func rows[T float32 | int32](t testing.TB, set, file string) (all [][]T) {
	t.Helper()
	for raw := content(t, set, file); len(raw) > 0; {
		row := make([]T, binary.LittleEndian.Uint32(raw))
		n, err := binary.Decode(raw[4:], binary.LittleEndian, row)
		if err != nil {
			t.Fatalf("%s: row %d: %v", file, len(all), err)
		}
		all, raw = append(all, row), raw[4+n:]
	}
	return all
}
