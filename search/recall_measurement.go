package search

import (
	"context"
	"math"
	"slices"
	"time"

	"lindero/tenant"
)

// measurement asks the same of the index and of the exact scan.
type measurement struct {
	service    *Service
	index      Index
	tenant     tenant.ID
	collection string
	topK       int
	rest       int // a pause after each query, in times of what it took
}

// probe is a query whose true answer is known.
type probe struct {
	vector []float32
	best   []Result // of the exact scan
}

// run asks the queries until limit is over. The two ways take turns in going first, because the second finds warm
// pages. The probes are what was asked.
func (m measurement) run(ctx context.Context, queries [][]float32, limit time.Duration) (Recall, []probe, error) {
	var t tally
	var exactTimes []float64
	var probes []probe
	for ended := time.Now().Add(limit); len(probes) < len(queries) && time.Now().Before(ended); {
		started := time.Now()
		p := probe{vector: queries[len(probes)]}
		var ofIndex Response
		for _, exact := range []bool{len(probes)%2 == 0, len(probes)%2 != 0} {
			response, err := m.ask(ctx, p.vector, m.topK, exact, 0)
			if err != nil {
				return Recall{}, nil, err
			}
			if exact {
				p.best, exactTimes = response.Results, append(exactTimes, response.TookMS)
			} else {
				ofIndex = response
			}
		}
		t.add(ofIndex, p.best)
		probes = append(probes, p)
		if err := pause(ctx, time.Since(started)*time.Duration(m.rest)); err != nil {
			return Recall{}, nil, err
		}
	}
	outcome := t.outcome(m.topK)
	outcome.ExactMS = percentiles(exactTimes)
	return outcome, probes, nil
}

// over asks only the index, and searches it so wide. The outcome has no times of exact scans.
func (m measurement) over(ctx context.Context, probes []probe, efSearch int) (Recall, error) {
	var t tally
	for _, p := range probes {
		started := time.Now()
		response, err := m.ask(ctx, p.vector, m.topK, false, efSearch)
		if err != nil {
			return Recall{}, err
		}
		t.add(response, p.best)
		if err := pause(ctx, time.Since(started)*time.Duration(m.rest)); err != nil {
			return Recall{}, err
		}
	}
	return t.outcome(m.topK), nil
}

// ask searches without a line in the log of slow searches: an exact scan is meant to take long. An efSearch of 0 is the
// collection's own.
func (m measurement) ask(ctx context.Context, vector []float32, topK int, exact bool, efSearch int) (Response, error) {
	started := time.Now()
	q, err := parse(&Request{
		Vector: vector, Collections: []string{m.collection}, TopK: &topK, Mode: Semantic, Exact: exact, Include: []string{},
	})
	if err != nil {
		return Response{}, err
	}
	q.efSearch = efSearch
	response, _, err := m.service.attempts(ctx, m.index, m.tenant, q)
	response.TookMS = milliseconds(started)
	return response, err
}

// tally counts what the index found of the true answers.
type tally struct {
	queries, found, wanted, short int
	missed                        float64 // sum of the squares of what was missed of each query
	times                         []float64
}

func (t *tally) add(ofIndex Response, best []Result) {
	found, wanted := overlap(ofIndex.Results, best)
	t.queries, t.found, t.wanted = t.queries+1, t.found+found, t.wanted+wanted
	t.missed += float64((wanted - found) * (wanted - found))
	t.times = append(t.times, ofIndex.TookMS)
	if len(ofIndex.Results) < len(best) {
		t.short++
	}
}

func (t *tally) outcome(topK int) Recall {
	outcome := Recall{Recall: 1, atLeast: 1, Queries: t.queries, TopK: topK, IndexMS: percentiles(t.times), ShortResults: t.short}
	if t.wanted > 0 { // of nothing, all was found
		outcome.Recall = float64(t.found) / float64(t.wanted)
		// By one standard error, and by one result more that might have been missed: few queries say little.
		outcome.atLeast = outcome.Recall - (math.Sqrt(t.missed)+1)/float64(t.wanted)
	}
	return outcome
}

// overlap counts the exact results that the index found. Chunks as near as the last exact one are as good as it: among
// equals, the two may choose differently.
func overlap(index, exact []Result) (found, wanted int) {
	if len(exact) == 0 {
		return 0, 0
	}
	least := exact[len(exact)-1].Score
	for _, r := range index {
		if r.Score >= least {
			found++
		}
	}
	return min(found, len(exact)), len(exact)
}

func percentiles(times []float64) Percentiles {
	if len(times) == 0 {
		return Percentiles{}
	}
	slices.Sort(times)
	at := func(share float64) float64 { return times[int(share*float64(len(times)-1))] }
	return Percentiles{P50: at(.5), P95: at(.95)}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
