// Package eval has the measures of retrieval quality: pure functions of a ranking and the judgements.
package eval

import "math"

// Judgements maps the ids of the judged documents of one query to their grade; above 0 is relevant.
type Judgements map[string]int

// relevant returns how many documents are judged relevant.
func (j Judgements) relevant() int {
	n := 0
	for _, grade := range j {
		if grade > 0 {
			n++
		}
	}
	return n
}

// NDCG is the normalised discounted cumulative gain of the first k of ranking (best first, no id twice):
// in [0, 1], gain = grade, discount = log2(rank + 1), as trec_eval computes it. It is 0 when nothing is
// relevant.
func NDCG(ranking []string, judged Judgements, k int) float64 {
	gain := 0.0
	for i, id := range ranking[:min(k, len(ranking))] {
		gain += float64(max(judged[id], 0)) / math.Log2(float64(i+2))
	}
	if ideal := idealGain(judged, k); ideal > 0 {
		return gain / ideal
	}
	return 0
}

// idealGain is the gain of the best ranking there could be.
func idealGain(judged Judgements, k int) float64 {
	highest := 0
	count := map[int]int{}
	for _, grade := range judged {
		count[grade]++
		highest = max(highest, grade)
	}
	gain, rank := 0.0, 0
	for grade := highest; grade > 0; grade-- {
		for range count[grade] {
			if rank == k {
				return gain
			}
			gain += float64(grade) / math.Log2(float64(rank+2))
			rank++
		}
	}
	return gain
}

// Recall is the share of the relevant documents that are among the first k of ranking: in [0, 1], 0 when
// nothing is relevant.
func Recall(ranking []string, judged Judgements, k int) float64 {
	relevant := judged.relevant()
	if relevant == 0 {
		return 0
	}
	found := 0
	for _, id := range ranking[:min(k, len(ranking))] {
		if judged[id] > 0 {
			found++
		}
	}
	return float64(found) / float64(relevant)
}

// Hit is 1 when one of the first k of ranking is relevant, else 0.
func Hit(ranking []string, judged Judgements, k int) float64 {
	if ReciprocalRank(ranking, judged, k) > 0 {
		return 1
	}
	return 0
}

// ReciprocalRank is 1/rank of the first relevant document among the first k of ranking, 0 without one.
func ReciprocalRank(ranking []string, judged Judgements, k int) float64 {
	for i, id := range ranking[:min(k, len(ranking))] {
		if judged[id] > 0 {
			return 1 / float64(i+1)
		}
	}
	return 0
}

// Overlap is the share of the exact ranking's ids that got holds too: the recall of an approximate index
// against the exact scan. It is 1 when exact is empty.
func Overlap(got, exact []string) float64 {
	if len(exact) == 0 {
		return 1
	}
	have := make(map[string]struct{}, len(got))
	for _, id := range got {
		have[id] = struct{}{}
	}
	found := 0
	for _, id := range exact {
		if _, ok := have[id]; ok {
			found++
		}
	}
	return float64(found) / float64(len(exact))
}

// Mean averages values; 0 for none.
func Mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
