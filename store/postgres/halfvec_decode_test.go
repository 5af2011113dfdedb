package postgres

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/x448/float16"
)

// Every finite half means the same to us as to the driver's decoder.
func TestHalfToFloat(t *testing.T) {
	t.Parallel()
	for bits := range math.MaxUint16 + 1 {
		half := float16.Frombits(uint16(bits))
		if half.IsNaN() || half.IsInf(0) {
			continue
		}
		if got := halfToFloat(uint16(bits)); math.Float32bits(got) != math.Float32bits(half.Float32()) {
			t.Fatalf("%#04x: %v; want %v", bits, got, half.Float32())
		}
	}
}

func TestDecodeHalfVector(t *testing.T) {
	t.Parallel()
	raw := []byte{0, 2, 0, 0, 0x3c, 0, 0xc0, 0} // 1, -2
	got, err := decodeHalfVector(nil, raw, pgx.BinaryFormatCode)
	if err != nil || len(got) != 2 || got[0] != 1 || got[1] != -2 {
		t.Fatalf("%v, %v", got, err)
	}
	for name, bad := range map[string][]byte{"empty": nil, "cut short": raw[:7], "too long": append(raw, 0), "header alone": raw[:4]} {
		if _, err := decodeHalfVector(nil, bad, pgx.BinaryFormatCode); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := decodeHalfVector(nil, raw, pgx.TextFormatCode); err == nil {
		t.Error("text: no error")
	}
}

func BenchmarkDecodeHalfVector(b *testing.B) {
	const dimensions = 768
	raw := binary.BigEndian.AppendUint16(nil, dimensions)
	raw = append(raw, 0, 0)
	for i := range dimensions {
		raw = binary.BigEndian.AppendUint16(raw, float16.Fromfloat32(float32(i)/dimensions-.5).Bits())
	}
	values := make([]float32, 0, dimensions)
	for b.Loop() {
		if _, err := decodeHalfVector(values[:0], raw, pgx.BinaryFormatCode); err != nil {
			b.Fatal(err)
		}
	}
}
