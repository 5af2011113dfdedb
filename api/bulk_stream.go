package api

import (
	"crypto/sha256"
	"hash"
	"io"
)

// stream reads a body of any length and hashes it on the way. It holds memory for a batch, and more while one of
// its documents needs more.
type stream struct {
	ex     *exchange
	memory *bodyMemory
	body   io.Reader
	hash   hash.Hash
	name   string
	whole  bool
	limit  int64 // bytes of one document
	piece  int64 // bytes of the current document so far, about: the reader above reads ahead
	large  bool  // memory for a large document is held
}

func (s *server) openStream(ex *exchange, name string, limit int64) (*stream, error) {
	body, err := openBody(ex, -1)
	if err != nil {
		return nil, err
	}
	if err := s.memory.reserveStream(ex); err != nil {
		return nil, err
	}
	h := sha256.New()
	return &stream{ex: ex, memory: s.memory, body: io.TeeReader(body, h), hash: h, name: name, limit: limit}, nil
}

// Read reads on, and waits for memory first when the document turns out to be large.
func (s *stream) Read(p []byte) (int, error) {
	if s.piece > largePiece && !s.large {
		if err := s.memory.reserve(s.ex, s.limit); err != nil {
			return 0, err
		}
		s.large = true
	}
	n, err := s.body.Read(p)
	s.piece += int64(n)
	return n, err
}

// taken is called when a document has been taken in or refused. A large one fills a batch by itself, so it is
// stored by now.
func (s *stream) taken() {
	if s.piece = 0; s.large {
		s.ex.releaseLast()
		s.large = false
	}
}

func (s *stream) sum() ([]byte, bool) { return s.hash.Sum(nil), s.whole }
func (s *stream) kind() string        { return s.name }

// drain hashes what is left. A parser may have stopped before the end, as at the last boundary.
func (s *stream) drain() error {
	_, err := io.Copy(io.Discard, s.body)
	s.whole = err == nil
	return err
}
