package credential

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestSealedOpensForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		secret, owner := rapid.String().Draw(t, "secret"), rapid.String().Draw(t, "owner")
		sealed, err := Seal(key, secret, owner)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Open(key, sealed, owner); err != nil || got != secret {
			t.Fatalf("opened %q, %v", got, err)
		}
		if len(secret) > 4 && bytes.Contains(sealed, []byte(secret)) {
			t.Fatal("the secret stands there")
		}
		if _, err := Open(key, sealed, owner+"x"); err == nil {
			t.Fatal("opened for another owner")
		}
		other := bytes.Clone(key)
		other[0] ^= 1
		if _, err := Open(other, sealed, owner); err == nil {
			t.Fatal("opened with another key")
		}
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= 1
		if _, err := Open(key, sealed, owner); err == nil {
			t.Fatal("opened after a change")
		}
	})
}

func TestSealingNeedsAWholeKey(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := Seal(make([]byte, n), "s", "o"); err == nil {
			t.Errorf("a key of %d bytes seals", n)
		}
		if _, err := Open(make([]byte, n), make([]byte, 64), "o"); err == nil {
			t.Errorf("a key of %d bytes opens", n)
		}
	}
	if _, err := Open(make([]byte, 32), nil, "o"); err == nil {
		t.Error("nothing was opened")
	}
}
