package webhook

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestScheduleLastsAboutADay plays a receiver that never answers, without jitter.
func TestScheduleLastsAboutADay(t *testing.T) {
	t.Parallel()
	var waits []time.Duration
	var clock time.Duration
	for attempts := 1; ; attempts++ {
		wait := RetryAfter(attempts, clock, 0.5, 0)
		if wait == 0 {
			break
		}
		waits = append(waits, wait.Round(time.Second))
		clock += wait
	}
	s := time.Second
	want := []time.Duration{5 * s, 15 * s, 45 * s, 135 * s, 405 * s, 1215 * s, 3645 * s, 10935 * s}
	if len(waits) != MaxAttempts-1 || !slices.Equal(waits[:len(want)], want) || waits[len(waits)-1] != longestRetry {
		t.Errorf("the waits are %v", waits)
	}
	if clock < 22*time.Hour || clock > 26*time.Hour {
		t.Errorf("it is tried for %v", clock)
	}
}

func TestRetryAfterKeepsItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		attempts := rapid.IntRange(1, 100).Draw(t, "attempts")
		age := time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "age"))
		random := rapid.Float64Range(0, 0.999999).Draw(t, "random")
		asked := time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "asked"))
		wait := RetryAfter(attempts, age, random, asked)
		if over := attempts >= MaxAttempts || age >= oldest; over != (wait == 0) {
			t.Fatalf("%v after %d attempts at the age of %v", wait, attempts, age)
		} else if over {
			return
		}
		if longest := time.Duration(float64(longestRetry) * (1 + jitter)); wait > longest || wait < min(asked, longestRetry) || wait < 4*time.Second {
			t.Fatalf("waits %v where %v was asked for", wait, asked)
		}
	})
}

func TestJitterSpreads(t *testing.T) {
	t.Parallel()
	if early, late := RetryAfter(1, 0, 0, 0), RetryAfter(1, 0, 0.999, 0); early != 4*time.Second || late < 5900*time.Millisecond || late > 6*time.Second {
		t.Errorf("from %v to %v", early, late)
	}
}
