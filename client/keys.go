package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// KeySpec is what a new key is to be.
type KeySpec struct {
	Name      string     `json:"name"`
	Role      string     `json:"role"` // reader, writer or admin
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// Key is an API key. Secret is set only in the answer that made the key.
type Key struct {
	ID         string     `json:"id"`
	Secret     string     `json:"key,omitempty"`
	Name       string     `json:"name"`
	Role       string     `json:"role"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
}

// Keys goes through the tenant's own keys. Needs the role admin, as do the other methods on keys.
func (c *Client) Keys(ctx context.Context) iter.Seq2[Key, error] {
	return list[Key](ctx, c, "/v1/keys", nil)
}

// CreateKey makes a key; its secret is in the answer and nowhere else.
func (c *Client) CreateKey(ctx context.Context, spec KeySpec) (Key, error) {
	return c.postKey(ctx, "/v1/keys", spec)
}

// RotateKey gives a key a new secret; the old one ends at once.
func (c *Client) RotateKey(ctx context.Context, id string) (Key, error) {
	return c.postKey(ctx, "/v1/keys/"+url.PathEscape(id)+"/rotate", nil)
}

// RevokeKey ends a key at once, in all processes.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: "/v1/keys/" + url.PathEscape(id)}, nil)
}

// postKey makes a secret that only this answer shows: sending it twice would leave a key nobody knows.
func (c *Client) postKey(ctx context.Context, path string, body any) (Key, error) {
	request := call{method: http.MethodPost, path: path}
	if body != nil {
		var err error
		if request, err = jsonCall(http.MethodPost, path, body); err != nil {
			return Key{}, err
		}
	}
	request.once = true
	var out Key
	return out, c.do(ctx, request, &out)
}
