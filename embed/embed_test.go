package embed

import (
	"context"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"lindero/fault"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	for _, v := range [][]float32{{3, 4}, {1e-38, 0}, {math.MaxFloat32, math.MaxFloat32}, {math.SmallestNonzeroFloat32}} {
		if err := Normalize(v); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("%v has squared length %v", v, sum)
		}
	}
}

func TestNormalizeRefusesWhatHasNoDirection(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, v := range [][]float32{nil, {}, {0, 0}, {1, nan}, {inf, 1}, {-inf}} {
		before := append([]float32(nil), v...)
		if err := Normalize(v); err == nil {
			t.Errorf("%v was normalised to %v", before, v)
		}
		for i := range v {
			if math.Float32bits(v[i]) != math.Float32bits(before[i]) {
				t.Errorf("%v was changed to %v", before, v)
			}
		}
	}
}

func TestExternal(t *testing.T) {
	t.Parallel()
	e, err := NewExternal(768)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = e.Embed(context.Background(), []string{"text"}, Query)
	if !errors.Is(err, ErrVectorRequired) || !fault.Is(err, fault.Invalid) {
		t.Errorf("error %v", err)
	}
	for _, dimensions := range []int{0, -1, MaxDimensions + 1} {
		if _, err := NewExternal(dimensions); !fault.Is(err, fault.Invalid) {
			t.Errorf("%d dimensions: %v", dimensions, err)
		}
	}
}

// fake embeds a text as its length and counts what it is asked for.
type fake struct {
	profile Profile
	asked   []string
	err     error
}

func (f *fake) Profile() Profile { return f.profile }

func (f *fake) Embed(_ context.Context, texts []string, purpose Purpose) ([][]float32, Usage, error) {
	f.asked = append(f.asked, texts...)
	if f.err != nil {
		return nil, Usage{Tokens: 1}, f.err
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = []float32{float32(len(text)), float32(purpose)}
	}
	return vectors, Usage{Tokens: len(texts)}, nil
}

type key struct {
	profile Profile
	hash    [32]byte
}

type memory struct {
	vectors        map[key][]float32
	getErr, putErr error
}

func (m *memory) Get(_ context.Context, p Profile, hashes [][32]byte) (map[[32]byte][]float32, error) {
	found := map[[32]byte][]float32{}
	for _, h := range hashes {
		if v := m.vectors[key{p, h}]; v != nil {
			found[h] = v
		}
	}
	return found, m.getErr
}

func (m *memory) Put(_ context.Context, p Profile, vectors map[[32]byte][]float32) error {
	for h, v := range vectors {
		m.vectors[key{p, h}] = v
	}
	return m.putErr
}

func TestCachedAnswersLikeItsInnerAndAsksOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		inner := &fake{profile: Profile{Provider: ProviderOpenAI, Model: "m", Dimensions: 2}}
		e := Cached(inner, &memory{vectors: map[key][]float32{}})
		type ask struct {
			text    string
			purpose Purpose
		}
		distinct := map[ask]bool{}
		for range rapid.IntRange(1, 5).Draw(t, "calls") {
			texts := rapid.SliceOf(rapid.SampledFrom([]string{"", "a", "bb", "ccc", "dddd"})).Draw(t, "texts")
			purpose := rapid.SampledFrom([]Purpose{Query, Passage}).Draw(t, "purpose")
			got, _, err := e.Embed(context.Background(), texts, purpose)
			if err != nil || len(got) != len(texts) {
				t.Fatalf("%d vectors, %v", len(got), err)
			}
			for i, text := range texts {
				distinct[ask{text, purpose}] = true
				if got[i][0] != float32(len(text)) || got[i][1] != float32(purpose) {
					t.Fatalf("%q has vector %v", text, got[i])
				}
			}
		}
		if len(inner.asked) != len(distinct) {
			t.Fatalf("embedded %q for %d distinct texts", inner.asked, len(distinct))
		}
	})
}

func TestCachedKeepsProfilesApart(t *testing.T) {
	t.Parallel()
	cache := &memory{vectors: map[key][]float32{}}
	for _, model := range []string{"m1", "m2"} {
		inner := &fake{profile: Profile{Provider: ProviderOpenAI, Model: model, Dimensions: 2}}
		if _, usage, err := Cached(inner, cache).Embed(context.Background(), []string{"a", "a"}, Passage); err != nil || usage.Tokens != 1 {
			t.Errorf("%s: usage %+v, %v", model, usage, err)
		}
	}
}

func TestCachedReplacesAVectorOfTheWrongSize(t *testing.T) {
	t.Parallel()
	inner := &fake{profile: Profile{Provider: ProviderOpenAI, Model: "m", Dimensions: 2}}
	cache := &memory{vectors: map[key][]float32{{inner.profile, Hash("a", Passage)}: {1, 2, 3}}}
	got, _, err := Cached(inner, cache).Embed(context.Background(), []string{"a"}, Passage)
	if err != nil || len(got[0]) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestCachedPassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		cache memory
		inner fake
	}{
		"get":   {cache: memory{getErr: broken}},
		"put":   {cache: memory{vectors: map[key][]float32{}, putErr: broken}},
		"inner": {inner: fake{err: broken}},
	} {
		c.inner.profile = Profile{Provider: ProviderOpenAI, Dimensions: 2}
		if got, _, err := Cached(&c.inner, &c.cache).Embed(context.Background(), []string{"a"}, Passage); !errors.Is(err, broken) || got != nil {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestSomeProfilesAreNotCached(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{ProviderExternal, ProviderBuiltin} {
		inner := &fake{profile: Profile{Provider: provider, Dimensions: 2}}
		if Cached(inner, nil) != Embedder(inner) {
			t.Errorf("%s is wrapped", provider)
		}
	}
}
