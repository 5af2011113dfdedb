package credential

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
)

// Seal encrypts a secret that must be read again, such as one that signs, with AES-256-GCM and a derived key of
// 32 bytes. owner says whose it is and is needed to open it: a sealed secret copied to another row opens nothing.
func Seal(key []byte, secret, owner string) ([]byte, error) {
	aead, err := sealing(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, []byte(secret), []byte(owner)), nil
}

// Open gives back what Seal was given. It fails when key, owner or text are not the same.
func Open(key, sealed []byte, owner string) (string, error) {
	aead, err := sealing(key)
	if err != nil {
		return "", err
	}
	secret, err := aead.Open(nil, nil, sealed, []byte(owner))
	if err != nil {
		return "", errors.New("the secret was sealed with another key or for another owner")
	}
	return string(secret), nil
}

func sealing(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, errors.New("sealing needs a key of 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
