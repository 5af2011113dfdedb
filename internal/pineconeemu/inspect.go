package pineconeemu

import (
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// Call is one call of either plane, as the emulator saw it.
type Call struct {
	Time      time.Time
	Duration  time.Duration
	Method    string // as in Fault
	Index     string
	Namespace string // as the request spelled it: empty when it named none
	Records   int    // vectors of an upsert, ids of a fetch or delete, top_k of a query
	Bytes     int    // the request's length
	Code      codes.Code
	Fault     string // the kind of the fault that hit it, or empty
}

// Counter sums up the calls of one method.
type Counter struct {
	Calls, Failed  int
	Records, Bytes int // of the calls that succeeded
}

// keptCalls bounds the record of a long-running emulator; the counters go on.
const keptCalls = 100_000

type history struct {
	mu       sync.Mutex
	calls    []Call
	counters map[string]Counter
}

func newHistory() *history { return &history{counters: map[string]Counter{}} }

func (e *Emulator) record(c Call) {
	e.cfg.Log.Debug("Pinecone emulator", "method", c.Method, "index", c.Index, "namespace", c.Namespace,
		"records", c.Records, "code", c.Code, "fault", c.Fault, "took", c.Duration)
	h := e.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.calls) == keptCalls {
		h.calls = slices.Delete(h.calls, 0, keptCalls/2)
	}
	h.calls = append(h.calls, c)
	counter := h.counters[c.Method]
	counter.Calls++
	if c.Code == codes.OK {
		counter.Records += c.Records
		counter.Bytes += c.Bytes
	} else {
		counter.Failed++
	}
	h.counters[c.Method] = counter
}

// Calls are the calls answered since the start or ResetCalls, in order of their end; of very many, the last 50,000.
func (e *Emulator) Calls() []Call {
	e.history.mu.Lock()
	defer e.history.mu.Unlock()
	return slices.Clone(e.history.calls)
}

// Counters are the sums of those calls by method.
func (e *Emulator) Counters() map[string]Counter {
	e.history.mu.Lock()
	defer e.history.mu.Unlock()
	return maps.Clone(e.history.counters)
}

// ResetCalls forgets the calls and sets the counters to zero.
func (e *Emulator) ResetCalls() {
	e.history.mu.Lock()
	defer e.history.mu.Unlock()
	e.history.calls, e.history.counters = nil, map[string]Counter{}
}

// Indexes are the names of the indexes, in order.
func (e *Emulator) Indexes() []string {
	var names []string
	for _, x := range e.allIndexes() {
		names = append(names, x.definition.Name)
	}
	return names
}

// Vector is a stored record.
type Vector struct {
	ID       string
	Values   []float32
	Metadata map[string]any // string, float64, bool or []any of strings; nil when it has none
}

// Namespaces are the names of an index's namespaces in order, counting writes that are not visible yet.
func (e *Emulator) Namespaces(index string) []string {
	x, ok := e.index(index)
	if !ok {
		return nil
	}
	var names []string
	for _, n := range x.allNamespaces() {
		n.mu.RLock()
		if n.exists {
			names = append(names, n.name)
		}
		n.mu.RUnlock()
	}
	return names
}

// Vectors are the records of a namespace in order of id, counting writes that are not visible yet.
func (e *Emulator) Vectors(index, namespace string) []Vector {
	x, ok := e.index(index)
	if !ok {
		return nil
	}
	t := x.namespace(namespace).settled().records
	var vectors []Vector
	for _, id := range t.sortedIDs() {
		v, _ := t.get(id)
		stored := Vector{ID: id, Values: v.values}
		if v.metadata != nil {
			stored.Metadata = v.metadata.AsMap()
		}
		vectors = append(vectors, stored)
	}
	return vectors
}

// Pending is the number of acknowledged writes to a namespace that are not visible yet.
func (e *Emulator) Pending(index, namespace string) int {
	x, ok := e.index(index)
	if !ok {
		return 0
	}
	n := x.namespace(namespace)
	n.settleDue()
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.pending)
}
