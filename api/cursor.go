package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"lindero/fault"
	"lindero/store"
)

// sealer makes cursors: the sort key to go on after, encrypted and bound to the tenant and the list it came from.
type sealer struct{ aead cipher.AEAD }

func newSealer(secret []byte) (*sealer, error) {
	if len(secret) < 16 {
		return nil, errors.New("api: the cursor secret needs at least 16 bytes")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "lindero cursors", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &sealer{aead: aead}, err
}

func (c *sealer) seal(list, after string) string {
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nil, nil, []byte(after), []byte(list)))
}

func (c *sealer) open(list, cursor string) (string, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		var after []byte
		if after, err = c.aead.Open(nil, nil, sealed, []byte(list)); err == nil {
			return string(after), nil
		}
	}
	return "", fault.InvalidField("query.cursor", nil, "is not a cursor of this list; begin again without one")
}

// PageParams are the parameters of every list.
type PageParams struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Items on a page"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next_cursor of the page before"`
}

// page is the answer of every list.
type page[T any] struct {
	Data       []T    `json:"data" nullable:"false"`
	HasMore    bool   `json:"has_more"`
	NextCursor string `json:"next_cursor" doc:"Empty on the last page"`
}

// listName identifies a list: whose it is, which, and what narrows it. A cursor of one opens no other.
func listName(ctx context.Context, parts ...string) string {
	return exchangeOf(ctx).principal.Tenant.String() + "\x00" + strings.Join(parts, "\x00")
}

// list answers one page: it opens the cursor, fetches and seals the next one.
func list[S, V any](s *server, name string, p PageParams, fetch func(store.Page) (store.Listing[S], error), view func(S) V) (*answer[page[V]], error) {
	asked := store.Page{Limit: p.Limit}
	if p.Cursor != "" {
		var err error
		if asked.After, err = s.cursors.open(name, p.Cursor); err != nil {
			return nil, err
		}
	}
	listing, err := fetch(asked)
	if err != nil {
		return nil, err
	}
	out := page[V]{Data: make([]V, 0, len(listing.Items)), HasMore: listing.Next != ""}
	for _, item := range listing.Items {
		out.Data = append(out.Data, view(item))
	}
	if out.HasMore {
		out.NextCursor = s.cursors.seal(name, listing.Next)
	}
	return &answer[page[V]]{Body: out}, nil
}
