package pineconeemu

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// definition is what the control plane knows of an index, and the file that keeps it.
type definition struct {
	Name               string            `json:"name"`
	Dimension          int               `json:"dimension"`
	Cloud              string            `json:"cloud"`
	Region             string            `json:"region"`
	DeletionProtection string            `json:"deletion_protection"`
	Tags               map[string]string `json:"tags,omitempty"`
	// Port is tried first after a restart, so that callers that remember the host find the index again.
	Port int `json:"port,omitempty"`
}

// index is one index with its own port, as each index of the service has its own host name.
type index struct {
	emulator *Emulator
	listener *connections
	server   *grpc.Server
	ready    time.Time // Initializing until then
	journal  *journal  // nil in memory

	mu         sync.RWMutex
	definition definition // only DeletionProtection and Tags ever change once it serves
	namespaces map[string]*namespace
	limiters   map[limited]*rate.Limiter
}

func newIndex(e *Emulator, d definition) *index {
	return &index{emulator: e, definition: d, namespaces: map[string]*namespace{}, limiters: map[limited]*rate.Limiter{}}
}

// serve opens the index's port.
func (x *index) serve() error {
	service, err := describeService(x.answer)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(x.emulator.host, strconv.Itoa(x.definition.Port)))
	if err != nil && x.definition.Port != 0 { // somebody else has it now
		listener, err = net.Listen("tcp", net.JoinHostPort(x.emulator.host, "0"))
	}
	if err != nil {
		return fmt.Errorf("index %s: %w", x.definition.Name, err)
	}
	x.definition.Port = listener.Addr().(*net.TCPAddr).Port
	if err := x.emulator.saveDefinition(x.definition); err != nil {
		return errors.Join(err, listener.Close())
	}
	x.listener = newConnections(listener)
	// The size limits are the service's own (checkSize), whose codes differ from gRPC's; these only bound memory.
	x.server = grpc.NewServer(grpc.MaxRecvMsgSize(64<<20), grpc.MaxSendMsgSize(64<<20), grpc.ForceServerCodecV2(newCodec()),
		grpc.WaitForHandlers(true), // Stop waits for writes before the journal is closed
		// The service's proxies bear callers' pings that gRPC's server by default would answer by hanging up.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}))
	x.server.RegisterService(service, nil)
	x.emulator.serving.Go(func() {
		if err := x.server.Serve(x.listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			x.emulator.cfg.Log.Error("Pinecone emulator: data plane stopped", "index", x.definition.Name, "error", err)
		}
	})
	return nil
}

// host is the address that the control plane gives out; the scheme tells the SDK not to use TLS.
func (x *index) host() string { return "http://" + x.listener.Addr().String() }

func (x *index) isReady() bool { return !time.Now().Before(x.ready) }

func (x *index) close() error {
	if x.server != nil {
		x.server.Stop()
	}
	return x.journal.close()
}

// describe returns a copy of the definition.
func (x *index) describe() definition {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.definition
}

// namespace returns the one of that name; it is made when absent, which shows nothing until a write is accepted.
func (x *index) namespace(name string) *namespace {
	name = canonical(name)
	x.mu.RLock()
	n := x.namespaces[name]
	x.mu.RUnlock()
	if n != nil {
		return n
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.namespaces[name] == nil {
		x.namespaces[name] = newNamespace(name, x.definition.Dimension)
	}
	return x.namespaces[name]
}

// allNamespaces are in order of their names, among them those that do not exist (any more).
func (x *index) allNamespaces() []*namespace {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var all []*namespace
	for _, n := range x.namespaces {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *namespace) int { return compareNames(a.name, b.name) })
	return all
}

// visibleNamespaces are those that reads see, in order of their names.
func (x *index) visibleNamespaces(prefix string) []*namespace {
	return slices.DeleteFunc(x.allNamespaces(), func(n *namespace) bool {
		return !strings.HasPrefix(n.name, prefix) || !n.isVisible()
	})
}

// defaultNamespace is what the service calls the namespace of requests that name none.
const defaultNamespace = "__default__"

func canonical(name string) string {
	if name == "" {
		return defaultNamespace
	}
	return name
}

// compareNames orders bytewise ("C" collation), as the service lists ids and namespaces.
func compareNames(a, b string) int { return strings.Compare(a, b) }
