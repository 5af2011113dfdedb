package migrations

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
)

// TestScramVerifier signs the exchange of RFC 7677, section 3, with the verifier's server key.
func TestScramVerifier(t *testing.T) {
	t.Parallel()
	const saltText = "W22ZaJ0SNY7soEsUEjb6gQ=="
	salt, err := base64.StdEncoding.DecodeString(saltText)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := scramVerifier("pencil", salt)
	if err != nil {
		t.Fatal(err)
	}
	keys, ok := strings.CutPrefix(verifier, "SCRAM-SHA-256$4096:"+saltText+"$")
	stored, server, found := strings.Cut(keys, ":")
	if !ok || !found || len(stored) != 44 {
		t.Fatalf("the verifier is %q", verifier)
	}
	serverKey, err := base64.StdEncoding.DecodeString(server)
	if err != nil {
		t.Fatal(err)
	}
	const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	mac := hmac.New(sha256.New, serverKey)
	mac.Write([]byte("n=user,r=rOprNGfwEbeRWgbNEkqO,r=" + nonce + ",s=" + saltText + ",i=4096,c=biws,r=" + nonce))
	if got := base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("server signature %s", got)
	}
}
