package postgres

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/pgvector/pgvector-go"
	pgxvector "github.com/pgvector/pgvector-go/pgx"
	"pgregory.net/rapid"
)

// The library's encoders are the reference: the same bytes for the same values.
func TestArraysEncodeAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	plain, ours := pgtype.NewMap(), pgtype.NewMap()
	registerEncoders(ours)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Just(""))
		var ids []uuid.UUID
		for range rapid.IntRange(0, 4).Draw(t, "ids") {
			ids = append(ids, uuid.New())
		}
		for oid, value := range map[uint32]any{
			pgtype.UUIDArrayOID:  ids,
			pgtype.TextArrayOID:  rapid.SliceOf(text).Draw(t, "texts"),
			pgtype.JSONBArrayOID: rapid.SliceOf(rapid.SampledFrom([]string{"{}", `{"a":[1,"é"]}`, "null"})).Draw(t, "json"),
			pgtype.ByteaArrayOID: rapid.SliceOf(rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Just([]byte(nil)))).Draw(t, "bytes"),
			pgtype.Int8ArrayOID:  rapid.SliceOf(rapid.Int64()).Draw(t, "int8"),
			pgtype.Int4ArrayOID:  rapid.SliceOf(rapid.Int32()).Draw(t, "int4"),
		} {
			before := []byte("before")
			want, err := plain.Encode(oid, pgtype.BinaryFormatCode, value, before)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ours.Encode(oid, pgtype.BinaryFormatCode, value, before)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v: %x, want %x (%v)", value, got, want, err)
			}
		}
	})
}

func TestArraysOfOtherTypesAreLeftToTheLibrary(t *testing.T) {
	t.Parallel()
	types := pgtype.NewMap()
	registerEncoders(types)
	word := "a"
	got, err := types.Encode(pgtype.TextArrayOID, pgtype.BinaryFormatCode, []*string{&word, nil}, nil)
	if want := "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x19\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01a\xff\xff\xff\xff"; err != nil || string(got) != want {
		t.Errorf("%x, want %x (%v)", got, want, err)
	}
	if got, err := types.Encode(pgtype.TextArrayOID, pgtype.BinaryFormatCode, []string(nil), nil); got != nil || err != nil {
		t.Errorf("nil is %x (%v), want NULL", got, err)
	}
	var back []string
	text, err := types.Encode(pgtype.TextArrayOID, pgtype.BinaryFormatCode, []string{"x", ""}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := types.Scan(pgtype.TextArrayOID, pgtype.BinaryFormatCode, text, &back); err != nil || len(back) != 2 || back[0] != "x" {
		t.Errorf("read back as %q (%v)", back, err)
	}
}

func TestHalfVectorsRoundAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	vector := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 65504, 65519.996, 65520, float32(math.Inf(1)), 6.1e-5, 5.96e-8, 2.98e-8, 2.99e-8, 1e-40}
	for range 200_000 {
		exponent := random.IntN(48) - 30
		vector = append(vector, float32(random.NormFloat64()*math.Pow(2, float64(exponent))))
	}
	for bits := range 1 << 16 { // each float16, its upper neighbour's middle, and a little beside both
		f := math.Float32frombits(uint32(bits)<<13 + 112<<23)
		for _, x := range []float32{f, math.Nextafter32(f, 0), math.Float32frombits(math.Float32bits(f) + 0x1000), math.Float32frombits(math.Float32bits(f) + 0x0fff)} {
			if !math.IsNaN(float64(x)) {
				vector = append(vector, x)
			}
		}
	}
	for len(vector) > 0 {
		part := vector[:min(len(vector), 4000)]
		vector = vector[len(part):]
		plan := pgxvector.HalfVectorCodec{}.PlanEncode(nil, 0, pgtype.BinaryFormatCode, pgvector.HalfVector{})
		want, err := plan.Encode(pgvector.NewHalfVector(part), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := appendHalfVector(make([]byte, 0, len(want)), part)
		if i := mismatch(got, want); i >= 0 {
			t.Fatalf("%g: %x, want %x", part[(i-4)/2], got[i&^1:i&^1+2], want[i&^1:i&^1+2])
		}
	}
}

func mismatch(a, b []byte) int {
	for i := range b {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

func BenchmarkHalfVectors(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	vector := make([]float32, 768)
	for i := range vector {
		vector[i] = float32(random.NormFloat64() * 0.036)
	}
	buf := make([]byte, 0, 2000)
	for b.Loop() {
		appendHalfVector(buf, vector)
	}
}
