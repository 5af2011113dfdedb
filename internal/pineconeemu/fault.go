package pineconeemu

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Kind is what a fault does to a call.
type Kind uint8

// The kinds. On the wire, calls of the data plane fail with the gRPC code of the name and those of the control plane
// with the HTTP status that belongs to it.
const (
	Unavailable       Kind = iota // 503
	ResourceExhausted             // 429
	DeadlineExceeded              // 504, at once; use Slow to make the caller's own deadline pass
	Internal                      // 500
	Slow                          // answers normally, after Delay, or once the fault is removed when Delay is 0
	Drop                          // the connection is reset, with all calls that are on it
	Truncate                      // the effect happens and half of the answer's bytes arrive
	Partial                       // the effect happens and the answer lacks half of its matches, records or ids
	Unimplemented                 // 501: the service does not have the call, as Pinecone Local lacks those on namespaces
)

var kindNames = [...]string{"unavailable", "resource exhausted", "deadline exceeded", "internal", "slow", "drop", "truncate", "partial", "unimplemented"}

func (k Kind) String() string { return kindNames[k] }

// Fault is a way to fail and which calls it hits.
type Fault struct {
	// Method is the call's, such as Upsert, Query, DeleteNamespace, CreateIndex or DescribeIndex; empty is any.
	Method string
	// Index and Namespace narrow it further; empty is any. An unnamed namespace is called __default__ here.
	Index, Namespace string
	Kind             Kind
	// Applied lets the call have its effect before it fails, so that the caller cannot know whether it happened. With
	// Slow it puts the delay after the effect; Truncate and Partial always let it happen.
	Applied bool
	// Delay passes before the call fails (or, with Slow, before it is answered).
	Delay time.Duration
	// Skip is how many matching calls go through first.
	Skip int
	// Times is how many calls are hit; 0 is all, until Remove.
	Times int
	// Probability that a matching call is hit; 0 means always.
	Probability float64
}

// Injection is a fault in force.
type Injection struct {
	fault    Fault
	injector *injector
	gone     chan struct{} // closed when the fault is removed

	skipped, hits int
	hit           chan struct{} // closed and replaced at each hit
}

// Inject puts a fault in force. When several match a call, the oldest hits it.
func (e *Emulator) Inject(f Fault) *Injection {
	in := &Injection{fault: f, injector: e.faults, gone: make(chan struct{}), hit: make(chan struct{})}
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	e.faults.injections = append(e.faults.injections, in)
	return in
}

// ClearFaults removes all faults.
func (e *Emulator) ClearFaults() {
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	for _, in := range e.faults.injections {
		close(in.gone)
	}
	e.faults.injections = nil
}

// Hits is how many calls the fault has hit.
func (in *Injection) Hits() int {
	in.injector.mu.Lock()
	defer in.injector.mu.Unlock()
	return in.hits
}

// Await returns once the fault has hit that many calls, or with the context's error.
func (in *Injection) Await(ctx context.Context, hits int) error {
	for {
		in.injector.mu.Lock()
		enough, next := in.hits >= hits, in.hit
		in.injector.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Remove ends the fault; calls that it is delaying go on being delayed. Removing again does nothing.
func (in *Injection) Remove() {
	in.injector.mu.Lock()
	defer in.injector.mu.Unlock()
	if i := slices.Index(in.injector.injections, in); i >= 0 {
		in.injector.injections = slices.Delete(in.injector.injections, i, i+1)
		close(in.gone)
	}
}

// injector chooses the fault that hits a call.
type injector struct {
	mu         sync.Mutex
	injections []*Injection
	random     *rand.Rand
}

func newInjector(seed uint64) *injector { return &injector{random: rand.New(rand.NewPCG(seed, 0))} }

// strike is one call being hit; nil is none.
type strike struct {
	Fault
	gone <-chan struct{} // closed when the fault is removed
}

func (s *strike) name() string {
	if s == nil {
		return ""
	}
	return s.Kind.String()
}

func (j *injector) take(c Call) *strike {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, in := range j.injections {
		if in.hitsNow(c) {
			return &strike{in.fault, in.gone}
		}
	}
	return nil
}

func (in *Injection) hitsNow(c Call) bool {
	f := in.fault
	switch {
	case f.Times > 0 && in.hits >= f.Times:
		return false
	case f.Method != "" && f.Method != c.Method, f.Index != "" && f.Index != c.Index,
		f.Namespace != "" && f.Namespace != canonical(c.Namespace):
		return false
	case in.skipped < f.Skip:
		in.skipped++
		return false
	case f.Probability > 0 && in.injector.random.Float64() >= f.Probability:
		return false
	}
	in.hits++
	close(in.hit)
	in.hit = make(chan struct{})
	return true
}
