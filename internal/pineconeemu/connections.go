package pineconeemu

import (
	"net"
	"sync"
)

// connections is a listener that can reset one of its connections, which gRPC's server cannot.
type connections struct {
	net.Listener
	mu   sync.Mutex
	open map[string]net.Conn // by remote address
}

func newConnections(l net.Listener) *connections {
	return &connections{Listener: l, open: map[string]net.Conn{}}
}

func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[conn.RemoteAddr().String()] = conn
	return connection{conn, c}, nil
}

// reset cuts the connection from an address at once: what was not sent yet is lost.
func (c *connections) reset(remote string) {
	c.mu.Lock()
	conn := c.open[remote]
	c.mu.Unlock()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // RST instead of FIN; if it fails, the close below still cuts
		_ = tcp.Close()
	}
}

type connection struct {
	net.Conn
	from *connections
}

func (c connection) Close() error {
	c.from.mu.Lock()
	delete(c.from.open, c.RemoteAddr().String())
	c.from.mu.Unlock()
	return c.Conn.Close()
}
