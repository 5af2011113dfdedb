// Package memtest measures what a piece of work takes in memory, for tests that hold it to a bound.
package memtest

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

const (
	objects = "/memory/classes/heap/objects:bytes" // live objects, and dead ones that are not swept yet
	every   = 2 * time.Millisecond
)

// SkipWithRaceDetector skips a test of memory where the figures would be the detector's. CI runs such tests by
// themselves.
func SkipWithRaceDetector(t testing.TB) {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector takes memory of its own; run without it")
	}
}

// Peak runs do and returns the most bytes that the heap grew by meanwhile, sampled every two milliseconds. It
// collects garbage often, so that the figure is what was needed at once and not what was left lying about.
// Nothing else should run at the same time: call it from tests that are not parallel.
func Peak(t testing.TB, do func()) int64 {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	before := heap()
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		highest := before
		for {
			select {
			case <-tick.C:
				highest = max(highest, heap())
			case <-stop:
				peak <- max(highest, heap()) - before
				return
			}
		}
	}()
	do()
	close(stop)
	return <-peak
}

func heap() int64 {
	sample := []metrics.Sample{{Name: objects}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
