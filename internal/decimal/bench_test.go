package decimal

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// BenchmarkFloat32At reads 100 vectors of 768 numbers, too many for a processor to learn their lengths by heart, as encoders write them: the shortest text of a float32, and six places.
func BenchmarkFloat32At(b *testing.B) {
	for name, precision := range map[string]int{"shortest": -1, "6places": 6} {
		b.Run(name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			var text []byte
			for range 100 * 768 {
				text = strconv.AppendFloat(text, random.NormFloat64()/28, 'f', precision, 32)
				text = append(text, ',')
			}
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				for pos := 0; pos < len(text); pos++ {
					_, end, ok := Float32At(text, pos)
					if !ok {
						b.Fatalf("left to strconv: %.20s", text[pos:])
					}
					pos = end
				}
			}
		})
	}
}
