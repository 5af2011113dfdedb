package postgres

import "lindero/store"

// What store/crosstenant, which has a pool of its own, shares with this package.

// Translate turns what the driver reports into the one vocabulary of errors.
func Translate(err error) error { return translate(err) }

// Listing is a page made of up to limit+1 rows: the one too many tells that there is more.
func Listing[T any](rows []T, limit int, key func(T) string) store.Listing[T] {
	return listing(rows, limit, key)
}
