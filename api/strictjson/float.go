package strictjson

import "lindero/internal/decimal"

// plainVector decodes the array that starts here if it holds numbers that decimal.Float32At takes, and nothing else.
// Where ok is false, nothing is consumed.
func (d *decoder) plainVector() (vector []float32, ok bool) {
	if d.depth >= maxDepth {
		return nil, false
	}
	data, pos := d.data, d.pos+1
	vector = make([]float32, 0, d.commas(maxAhead)+1)
	for pos = afterSpace(data, pos); pos < len(data); pos = afterSpace(data, pos+1) {
		f, end, ok := decimal.Float32At(data, pos)
		if !ok {
			return nil, false
		}
		vector = append(vector, f)
		if pos = afterSpace(data, end); pos == len(data) {
			return nil, false
		}
		if data[pos] == ']' {
			d.pos = pos + 1
			return vector, true
		}
		if data[pos] != ',' {
			return nil, false
		}
	}
	return nil, false
}

func afterSpace(data []byte, pos int) int {
	for pos < len(data) && (data[pos] == ' ' || data[pos] == '\n' || data[pos] == '\t' || data[pos] == '\r') {
		pos++
	}
	return pos
}
