// Package credential is the format of API keys, the proof of their secrets, and the sealing of secrets that must
// be read again. It is pure: storage keeps what Hash and Seal return, package auth compares.
package credential

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
	"time"

	"github.com/google/uuid"

	"lindero/tenant"
)

const (
	prefix      = "lk"
	idBytes     = 10 // public, so it need only be unique
	secretBytes = 32 // 256 bits: nothing to guess, so no slow hash is needed
	// maxLength bounds what Parse looks at.
	maxLength = 200
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Record is a key as the look-up finds it, before anything is proven: check Hash first and believe the rest then.
type Record struct {
	TenantID  uuid.UUID
	Slug      string
	State     tenant.State
	Role      tenant.Role
	Hash      []byte
	ExpiresAt *time.Time
	RevokedAt *time.Time
}

// Generate makes a new key: its public id and the secret that is shown once, lk_<id>_<secret>.
func Generate() (id, secret string) {
	random := make([]byte, idBytes+secretBytes)
	_, _ = rand.Read(random) // never fails
	id = idEncoding.EncodeToString(random[:idBytes])
	return id, prefix + "_" + id + "_" + base64.RawURLEncoding.EncodeToString(random[idBytes:])
}

// KeyID returns the public id in a credential of the right form.
func KeyID(credential string) (id string, ok bool) {
	if len(credential) > maxLength {
		return "", false
	}
	rest, found := strings.CutPrefix(credential, prefix+"_")
	if !found {
		return "", false
	}
	// The id has no underscore; the secret may.
	id, secret, found := strings.Cut(rest, "_")
	if !found || len(id) != idEncoding.EncodedLen(idBytes) || len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return "", false
	}
	_, err := idEncoding.DecodeString(id)
	return id, err == nil
}

// Hash is what storage keeps of a credential: HMAC-SHA256 keyed by the deployment's secret.
func Hash(key []byte, credential string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(credential))
	return mac.Sum(nil)
}

// Matches compares in constant time.
func Matches(key []byte, credential string, hash []byte) bool {
	return hmac.Equal(Hash(key, credential), hash)
}

// DeriveKey makes a purpose's own key of the secret in the database and the operator's (LINDERO_SECRET, may be
// empty), so that no two purposes share one.
func DeriveKey(databaseSecret []byte, operatorSecret, purpose string) []byte {
	mac := hmac.New(sha256.New, databaseSecret)
	mac.Write([]byte(operatorSecret))
	mixed := mac.Sum(nil)
	mac = hmac.New(sha256.New, mixed)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// Purposes of derived keys.
const (
	PurposeAPIKeys  = "api-keys"
	PurposeCursors  = "cursors"
	PurposeWebhooks = "webhooks" // seals the secrets that sign deliveries
)
