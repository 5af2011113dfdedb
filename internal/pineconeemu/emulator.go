package pineconeemu

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lindero/fault"
)

// Emulator is a running Pinecone. Its methods may be called from several goroutines.
type Emulator struct {
	cfg        Config
	host       string // where indexes listen
	listener   net.Listener
	control    *http.Server
	serving    sync.WaitGroup
	visibility atomic.Pointer[Visibility]
	malice     atomic.Uint32
	faults     *injector
	history    *history

	mu      sync.RWMutex
	indexes map[string]*index
	closed  bool
}

// Start serves an emulator until Close. With a Dir it first loads what an earlier one left there.
func Start(cfg Config) (*Emulator, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(cfg.Listen)
	e := &Emulator{
		cfg: cfg, host: host, indexes: map[string]*index{},
		faults: newInjector(cfg.Seed), history: newHistory(),
	}
	e.visibility.Store(&cfg.Visibility)
	if e.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the Pinecone emulator cannot listen on %s", cfg.Listen)
	}
	if err := e.loadIndexes(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.control = &http.Server{Handler: e.controlPlane(), ReadHeaderTimeout: 10 * time.Second}
	e.serving.Go(func() {
		if err := e.control.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
			e.cfg.Log.Error("Pinecone emulator: control plane stopped", "error", err)
		}
	})
	cfg.Log.Info("Pinecone emulator started", "url", e.ControlURL(), "indexes", len(e.indexes), "dir", cfg.Dir)
	return e, nil
}

// ControlURL is the control plane's URL, for pinecone.NewClientParams.Host.
func (e *Emulator) ControlURL() string { return "http://" + e.listener.Addr().String() }

// SetVisibility changes when later writes become visible.
func (e *Emulator) SetVisibility(v Visibility) { e.visibility.Store(&v) }

// Release makes every acknowledged write visible.
func (e *Emulator) Release() {
	for _, x := range e.allIndexes() {
		for _, n := range x.allNamespaces() {
			n.release()
		}
	}
}

// Close cuts every connection and stops; what was acknowledged is in Dir. Closing again does nothing.
func (e *Emulator) Close() error {
	e.mu.Lock()
	indexes := e.indexes
	already := e.closed
	e.closed, e.indexes = true, nil
	e.mu.Unlock()
	if already {
		return nil
	}
	var errs []error
	if e.control != nil {
		errs = append(errs, e.control.Close()) // with the listener
	} else {
		errs = append(errs, e.listener.Close())
	}
	for _, x := range indexes {
		errs = append(errs, x.close())
	}
	e.serving.Wait()
	return errors.Join(errs...)
}

func (e *Emulator) index(name string) (*index, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	x, ok := e.indexes[name]
	return x, ok
}

// allIndexes are in order of their names.
func (e *Emulator) allIndexes() []*index {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var all []*index
	for _, x := range e.indexes {
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b *index) int { return compareNames(a.definition.Name, b.definition.Name) })
	return all
}
