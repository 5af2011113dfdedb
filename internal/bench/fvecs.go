package bench

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
)

// fvecs serves vectors of a file: real embeddings instead of generated ones. The file's last tenth are the queries.
// Each tenant starts at another place and wraps around.
type fvecs struct {
	seed    uint64
	base    [][]float32
	queries [][]float32
}

// maxDimensions is what a collection can hold.
const maxDimensions = 4000

// openFvecs reads a file in the usual form: for each vector its dimension as int32, then that many float32, all
// little endian.
func openFvecs(path string, seed uint64) (*fvecs, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	all, err := readFvecs(bufio.NewReaderSize(file, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	cut := len(all) - len(all)/10
	if cut == len(all) {
		return nil, fmt.Errorf("%s: holds fewer than 10 vectors", path)
	}
	return &fvecs{seed: seed, base: all[:cut], queries: all[cut:]}, nil
}

func readFvecs(r io.Reader) ([][]float32, error) {
	var all [][]float32
	for {
		var dimensions int32
		switch err := binary.Read(r, binary.LittleEndian, &dimensions); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case dimensions < 1 || dimensions > maxDimensions || (len(all) > 0 && int(dimensions) != len(all[0])):
			return nil, fmt.Errorf("vector %d has %d dimensions", len(all), dimensions)
		}
		v := make([]float32, dimensions)
		if err := binary.Read(r, binary.LittleEndian, v); err != nil {
			return nil, err
		}
		if square := float64(dot(v, v)); square == 0 || math.IsNaN(square) || math.IsInf(square, 0) {
			continue // a vector without a direction cannot be searched for
		}
		all = append(all, unit(v))
	}
}

func (f *fvecs) dimensions() int { return len(f.base[0]) }

func (f *fvecs) start(tenant int, among [][]float32) int {
	return rand.New(rand.NewPCG(f.seed, uint64(tenant))).IntN(len(among))
}

func (f *fvecs) chunk(tenant, i int) []float32 {
	return f.base[(f.start(tenant, f.base)+i)%len(f.base)]
}

func (f *fvecs) query(tenant, i int) []float32 {
	return f.queries[(f.start(tenant, f.queries)+i)%len(f.queries)]
}
