package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// pageSize is how many items an iterator asks for at once.
const pageSize = 200

// page is the wire form of part of a list.
type page[T any] struct {
	Data       []T    `json:"data"`
	HasMore    bool   `json:"has_more"`
	NextCursor string `json:"next_cursor"`
}

// list goes through all pages of a list. An error ends it; it comes with the zero item.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		asked := url.Values{"limit": {strconv.Itoa(pageSize)}}
		for name, values := range query {
			asked[name] = values
		}
		for {
			var p page[T]
			if err := c.do(ctx, call{method: http.MethodGet, path: path, query: asked}, &p); err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range p.Data {
				if !yield(item, nil) {
					return
				}
			}
			if !p.HasMore || p.NextCursor == "" {
				return
			}
			asked.Set("cursor", p.NextCursor)
		}
	}
}

// Collect reads an iterator to its end, or to its first error.
func Collect[T any](items iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range items {
		if err != nil {
			return all, err
		}
		all = append(all, item)
	}
	return all, nil
}
