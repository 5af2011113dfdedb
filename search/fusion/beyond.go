package fusion

import "math"

// leastFall is below what scores count as equal: float16 tells no finer, and a division by less may overflow.
const leastFall = 1e-9

// Beyond estimates which ranks scores would take that are not above the worst of a ranking of total keys, of which
// only the best are known. Both ranking and scores are in descending order. Towards its end, the logarithm of the rank
// is taken to grow evenly as scores fall: the tail of similarities falls off about like that, whatever it is made of.
// Where the ranking crosses from a cluster into what lies between clusters, scores fall faster at first; so the
// steepest growth of several stretches counts, which gives the higher, more careful ranks.
func Beyond(ranking, scores []float64, total int) []float64 {
	known, growth := len(ranking), 0.0
	ranks := make([]float64, len(scores))
	for _, eighths := range []int{4, 5, 6} {
		from := known * eighths / 8
		if from == 0 {
			continue
		}
		if fall := ranking[from-1] - ranking[known-1]; fall > leastFall {
			growth = max(growth, math.Log(float64(known)/float64(from))/fall)
		}
	}
	for i, score := range scores {
		least := float64(known + i + 1)
		rank := least
		if known > 0 {
			rank = float64(known) * math.Exp(growth*(ranking[known-1]-score))
		}
		ranks[i] = max(least, min(rank, float64(total)))
	}
	return ranks
}
