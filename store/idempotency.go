package store

// StoredAnswer is the first answer to a request, kept to be replayed.
type StoredAnswer struct {
	Status int
	Body   []byte
}
