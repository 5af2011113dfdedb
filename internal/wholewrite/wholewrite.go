// Package wholewrite has the answers of net/http leave in one piece. Its server writes through a buffer of 4 KiB whose
// size cannot be set: an answer of 15 KB leaves in two writes, the client is woken twice, and where both run on one
// machine both pay for it.
package wholewrite

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Answers of up to fewBytes leave in one piece by themselves, headers included; of answers over manyBytes, one write more
// is a small part.
const (
	fewBytes  = 3 << 10
	manyBytes = 64 << 10
)

// Listener gives connections that can hold back what is written to them.
type Listener struct{ net.Listener }

// Accept implements net.Listener.
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// conn is a connection that can hold back what is written to it. The goroutine that serves it is the only one to write.
type conn struct {
	net.Conn
	held *[]byte // nil while nothing is held back
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if c.held == nil {
		return c.Conn.Write(p)
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

type connKey struct{}

// WithConn is for http.Server.ConnContext, so that Write finds the connection of a request.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	if own, ok := c.(*conn); ok {
		return context.WithValue(ctx, connKey{}, own)
	}
	return ctx
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Write writes p to w, which answers the request whose context it is given. What reaches the connection meanwhile leaves
// it in one piece. Over a connection that is not of Listener's it is w.Write(p).
func Write(request context.Context, w http.ResponseWriter, p []byte) (n int, err error) {
	c, _ := request.Value(connKey{}).(*conn)
	if c == nil || len(p) <= fewBytes || len(p) > manyBytes {
		return w.Write(p)
	}
	c.held = buffers.Get().(*[]byte)
	if n, err = w.Write(p); err == nil { // the rest of it waits in the server's buffer
		err = http.NewResponseController(w).Flush()
	}
	if released := c.release(); err == nil && released != nil {
		return 0, released
	}
	return n, err
}

// release sends what was held back. Where that fails the connection is closed: its server was told that all went well and
// would answer the next request after half an answer.
func (c *conn) release() (err error) {
	held := c.held
	c.held = nil
	if len(*held) > 0 {
		if _, err = c.Conn.Write(*held); err != nil {
			_ = c.Conn.Close()
		}
	}
	*held = (*held)[:0]
	buffers.Put(held)
	return err
}
