package pineconeemu

import (
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"
)

// blockRows is the number of rows a block holds: blocks, so that growth copies no vectors.
const blockRows = 512

// table holds the records of a namespace, row by row: row i is ids[i], metadata[i], inverse[i] and the i-th run of
// dimension values in the blocks. Rows are contiguous: the last one moves into the place of one that is removed.
type table struct {
	dimension int
	rows      map[string]int // the row of each id
	ids       []string
	metadata  []*structpb.Struct // never changed in place
	inverse   []float32          // 1 / the vector's length
	blocks    [][]float32        // blockRows × dimension values each
	sorted    []string           // the ids in order; nil when the set of ids has changed
}

func newTable(dimension int) *table { return &table{dimension: dimension, rows: map[string]int{}} }

func (t *table) len() int { return len(t.ids) }

// values returns the vector of a row, which the next change may overwrite.
func (t *table) values(row int) []float32 {
	start := row % blockRows * t.dimension
	return t.blocks[row/blockRows][start : start+t.dimension : start+t.dimension]
}

func (t *table) put(v vector) {
	row, ok := t.rows[v.id]
	if !ok {
		row = len(t.ids)
		t.rows[v.id] = row
		t.ids = append(t.ids, v.id)
		t.metadata = append(t.metadata, nil)
		t.inverse = append(t.inverse, 0)
		if row/blockRows == len(t.blocks) {
			t.blocks = append(t.blocks, make([]float32, blockRows*t.dimension))
		}
		t.sorted = nil
	}
	copy(t.values(row), v.values)
	t.metadata[row] = v.metadata
	t.inverse[row] = inverseLength(v.values)
}

func (t *table) remove(id string) {
	row, ok := t.rows[id]
	if !ok {
		return
	}
	last := len(t.ids) - 1
	if row != last {
		t.ids[row], t.metadata[row], t.inverse[row] = t.ids[last], t.metadata[last], t.inverse[last]
		copy(t.values(row), t.values(last))
		t.rows[t.ids[row]] = row
	}
	delete(t.rows, id)
	t.ids[last], t.metadata[last] = "", nil
	t.ids, t.metadata, t.inverse = t.ids[:last], t.metadata[:last], t.inverse[:last]
	t.blocks = t.blocks[:(last+blockRows-1)/blockRows]
	t.sorted = nil
}

// get returns a copy of a record.
func (t *table) get(id string) (vector, bool) {
	row, ok := t.rows[id]
	if !ok {
		return vector{}, false
	}
	return vector{id: id, values: slices.Clone(t.values(row)), metadata: t.metadata[row]}, true
}

// matching are the ids of the records that a filter lets through, in order.
func (t *table) matching(f filter) []string {
	var ids []string
	for row, id := range t.ids {
		if f.matches(t.metadata[row]) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// sortedIDs are the ids in order. It writes the cache, so the caller holds the namespace's write lock.
func (t *table) sortedIDs() []string {
	if t.sorted == nil {
		t.sorted = slices.Sorted(maps.Keys(t.rows))
	}
	return t.sorted
}

func (t *table) clone() *table {
	c := *t
	c.rows, c.ids, c.metadata, c.inverse = maps.Clone(t.rows), slices.Clone(t.ids), slices.Clone(t.metadata), slices.Clone(t.inverse)
	c.blocks = make([][]float32, len(t.blocks))
	for i, block := range t.blocks {
		c.blocks[i] = slices.Clone(block)
	}
	return &c
}

// inverseLength is 0 for a zero vector, whose similarity to everything is then 0.
func inverseLength(values []float32) float32 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return 0
	}
	return float32(1 / math.Sqrt(sum))
}
