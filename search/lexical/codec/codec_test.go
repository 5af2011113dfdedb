package codec

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// postings draws a valid list.
func postings() *rapid.Generator[[]Posting] {
	return rapid.Custom(func(t *rapid.T) []Posting {
		var list []Posting
		ordinal := int64(-1)
		for range rapid.IntRange(0, 40).Draw(t, "count") {
			ordinal += rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, 1<<40)).Draw(t, "gap")
			frequency := rapid.OneOf(rapid.Uint32Range(1, 3), rapid.Uint32Min(1)).Draw(t, "frequency")
			length := rapid.Uint32Min(frequency).Draw(t, "length")
			list = append(list, Posting{ordinal, frequency, length})
		}
		return list
	})
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := postings().Draw(t, "postings")
		block, err := Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(block, nil)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
		if count, err := Count(block); err != nil || count != len(want) {
			t.Fatalf("count %d, %v; want %d", count, err, len(want))
		}
	})
}

func TestExtremes(t *testing.T) {
	t.Parallel()
	want := []Posting{{0, 1, math.MaxUint32}, {MaxOrdinal, math.MaxUint32, math.MaxUint32}}
	block, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(block, nil); err != nil || !slices.Equal(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestEncodeRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	for name, list := range map[string][]Posting{
		"twice":       {{1, 1, 1}, {1, 1, 1}},
		"descending":  {{2, 1, 1}, {1, 1, 1}},
		"negative":    {{-1, 1, 1}},
		"too large":   {{MaxOrdinal + 1, 1, 1}},
		"frequency 0": {{1, 0, 1}},
		"too short":   {{1, 2, 1}},
	} {
		if block, err := Encode(list); err == nil {
			t.Errorf("%s: encoded as %x", name, block)
		}
	}
}

func TestDecodeRefusesCorruptBlocks(t *testing.T) {
	t.Parallel()
	good, err := Encode([]Posting{{3, 1, 9}, {5, 4, 300}})
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string][]byte{
		"empty":             {},
		"other version":     append([]byte{9}, good[1:]...),
		"left over":         append(slices.Clone(good), 0),
		"claims too many":   {version, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0},
		"endless count":     slices.Repeat([]byte{version, 0xFF}, 8),
		"ordinal overflow":  append([]byte{version, 1}, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0),
		"endless frequency": append([]byte{version, 1, 1}, slices.Repeat([]byte{0xFF}, 12)...),
	}
	for i := range good {
		bad["cut at "+string(rune('0'+i))] = good[:i]
	}
	kept := []Posting{{1, 1, 1}}
	for name, block := range bad {
		got, err := Decode(block, kept)
		if !errors.Is(err, ErrCorrupt) || !slices.Equal(got, kept) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	block, err := Encode([]Posting{{3, 1, 9}, {5, 4, 300}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(block)
	f.Add([]byte{version, 1, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0})
	f.Fuzz(func(t *testing.T, block []byte) {
		list, err := Decode(block, nil)
		if err != nil {
			return
		}
		// What decodes must be a list that encodes, to a block that holds the same.
		again, err := Encode(list)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(again, nil); err != nil || !slices.Equal(back, list) {
			t.Fatalf("%v became %v, %v", list, back, err)
		}
	})
}

func TestMergeOfASplitIsTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := postings().Draw(t, "postings")
		parts := make([][]Posting, 3)
		var deleted []int64
		var left []Posting
		for _, p := range all {
			part := rapid.IntRange(0, 2).Draw(t, "segment")
			parts[part] = append(parts[part], p)
			if rapid.Bool().Draw(t, "deleted") {
				deleted = append(deleted, p.Ordinal)
			} else {
				left = append(left, p)
			}
		}
		blocks := make([][]byte, len(parts))
		for i, part := range parts {
			blocks[i], _ = Encode(part)
		}
		block, count, err := Merge(blocks, NewOrdinals(deleted))
		if err != nil || count != len(left) {
			t.Fatalf("%d postings, %v; want %d", count, err, len(left))
		}
		if count == 0 {
			if block != nil {
				t.Fatalf("block %x of nothing", block)
			}
			return
		}
		if want, _ := Encode(left); !slices.Equal(block, want) {
			t.Fatalf("merged %x, want %x", block, want)
		}
	})
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	block, _ := Encode([]Posting{{1, 1, 1}})
	if _, _, err := Merge([][]byte{block, block}, nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("one ordinal in two blocks: %v", err)
	}
	if _, _, err := Merge([][]byte{block, {7}}, nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("corrupt block: %v", err)
	}
}

func TestOrdinals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := postings().Draw(t, "postings")
		members := rapid.SliceOf(rapid.Int64Range(0, 500)).Draw(t, "members")
		for _, p := range list {
			if rapid.Bool().Draw(t, "member") {
				members = append(members, p.Ordinal)
			}
		}
		var only, without []Posting
		for _, p := range list {
			if slices.Contains(members, p.Ordinal) {
				only = append(only, p)
			} else {
				without = append(without, p)
			}
		}
		set := NewOrdinals(slices.Clone(members))
		if got := set.AppendOnly(nil, list); !slices.Equal(got, only) {
			t.Fatalf("only %v, want %v", got, only)
		}
		if got := set.CountIn(list); got != len(only) {
			t.Fatalf("%d counted, want %d", got, len(only))
		}
		if got := set.Without(slices.Clone(list)); !slices.Equal(got, without) {
			t.Fatalf("without %v, want %v", got, without)
		}
	})
}

func TestBuilder(t *testing.T) {
	t.Parallel()
	var b Builder
	for _, c := range []struct {
		ordinal int64
		terms   []string
	}{{4, []string{"sol", "luna", "sol"}}, {5, nil}, {9, []string{"luna"}}} {
		if err := b.Add(c.ordinal, c.terms); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add(9, nil); err == nil {
		t.Error("an ordinal was taken twice")
	}
	s := b.Build()
	if s.Chunks != 3 || s.Tokens != 4 {
		t.Errorf("%d chunks, %d tokens", s.Chunks, s.Tokens)
	}
	got := map[string][]Posting{}
	var order []string
	for _, p := range s.Postings {
		list, err := Decode(p.Block, nil)
		if err != nil || len(list) != p.Chunks {
			t.Fatalf("%s: %d postings, %v; want %d", p.Term, len(list), err, p.Chunks)
		}
		got[p.Term] = list
		order = append(order, p.Term)
	}
	want := map[string][]Posting{"luna": {{4, 1, 3}, {9, 1, 1}}, "sol": {{4, 2, 3}}}
	if diff := cmp.Diff(want, got); diff != "" || !slices.IsSorted(order) {
		t.Errorf("order %v, postings (-want +got):\n%s", order, diff)
	}
	if empty := b.Build(); empty.Chunks != 0 || len(empty.Postings) != 0 {
		t.Errorf("a built builder still holds %+v", empty)
	}
}

func BenchmarkDecode(b *testing.B) {
	list := make([]Posting, 40_000)
	for i := range list {
		list[i] = Posting{Ordinal: int64(i) * 3, Frequency: 1 + uint32(i%7)/6, Length: 70 + uint32(i%120)}
	}
	block, err := Encode(list)
	if err != nil {
		b.Fatal(err)
	}
	buffer := make([]Posting, 0, len(list))
	for b.Loop() {
		if _, err := Decode(block, buffer); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(block))/float64(len(list)), "bytes/posting")
}
