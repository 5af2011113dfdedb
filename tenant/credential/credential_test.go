package credential

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGenerate(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id, secret := Generate()
		if got, ok := KeyID(secret); !ok || got != id {
			t.Fatalf("KeyID(%q) = %q, %v", secret, got, ok)
		}
		if seen[id] || seen[secret] {
			t.Fatal("made twice")
		}
		seen[id], seen[secret] = true, true
	}
}

func TestMatchesOnlyItself(t *testing.T) {
	t.Parallel()
	key := DeriveKey([]byte("database"), "operator", PurposeAPIKeys)
	_, secret := Generate()
	hash := Hash(key, secret)
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(secret)-1).Draw(t, "at")
		other := rapid.Byte().Draw(t, "byte")
		spoilt := secret[:at] + string([]byte{other}) + secret[at+1:]
		if Matches(key, spoilt, hash) != (spoilt == secret) {
			t.Fatalf("%q against %q", spoilt, secret)
		}
	})
	if Matches(key, "", nil) || Matches(key, secret, nil) {
		t.Error("a record without a hash matches")
	}
}

func TestKeyIDNeverPanics(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		presented := rapid.OneOf(rapid.String(), rapid.StringMatching(`lk_[a-z2-7]{0,20}_[A-Za-z0-9_-]{0,50}`)).Draw(t, "presented")
		if id, ok := KeyID(presented); ok && !strings.HasPrefix(presented, "lk_"+id+"_") {
			t.Fatalf("KeyID(%q) = %q", presented, id)
		}
	})
}

func TestDerivedKeysDiffer(t *testing.T) {
	t.Parallel()
	keys := [][]byte{
		DeriveKey([]byte("a"), "", PurposeAPIKeys), DeriveKey([]byte("b"), "", PurposeAPIKeys),
		DeriveKey([]byte("a"), "x", PurposeAPIKeys), DeriveKey([]byte("a"), "", PurposeCursors),
	}
	for i, one := range keys {
		for _, other := range keys[:i] {
			if bytes.Equal(one, other) {
				t.Error("two purposes or secrets share a key")
			}
		}
	}
}
