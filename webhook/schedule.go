package webhook

import "time"

const (
	firstRetry = 5 * time.Second
	// retryGrowth and longestRetry make MaxAttempts attempts last about a day: 5 s, 15 s, 45 s … 3 h, then every 4 h.
	retryGrowth  = 3
	longestRetry = 4 * time.Hour
	// MaxAttempts is how often a delivery is tried.
	MaxAttempts = 14
	// oldest is the age at which a delivery is given up with attempts left: a receiver that many deliveries wait for
	// gets to each of them rarely.
	oldest = 36 * time.Hour
	// jitter is by which share of itself a wait is longer or shorter, so that what failed together does not come
	// back together.
	jitter = 0.2
)

// RetryAfter is how long to wait after a failed attempt; 0: give up. attempts counts those made, the failed one
// included; age is since the event. random in [0, 1) spreads the wait; asked is what the receiver's Retry-After
// asked for, of which at most the longest regular wait is granted.
func RetryAfter(attempts int, age time.Duration, random float64, asked time.Duration) time.Duration {
	if attempts >= MaxAttempts || age >= oldest {
		return 0
	}
	wait := firstRetry
	for range attempts - 1 {
		wait = min(wait*retryGrowth, longestRetry)
	}
	wait = time.Duration(float64(wait) * (1 - jitter + 2*jitter*random))
	return max(wait, min(asked, longestRetry))
}
