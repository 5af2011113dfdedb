package storetest

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lindero/internal/pineconeemu"
	"lindero/search"
)

// malices are the lies of a backend that has gone over to the enemy, one by one and all together.
var malices = map[string]pineconeemu.Malice{
	"foreign records": pineconeemu.ForeignRecords, "foreign ids": pineconeemu.ForeignIDs, "foreign fields": pineconeemu.ForeignFields,
	"unknown ids": pineconeemu.UnknownIDs, "garbage ids": pineconeemu.GarbageIDs, "wrong scores": pineconeemu.WrongScores,
	"not finite": pineconeemu.NotFinite, "duplicates": pineconeemu.Duplicates, "flood": pineconeemu.Flood,
	"everything": pineconeemu.EveryMalice,
}

// TestMaliciousPinecone: whatever Pinecone answers, no passage of another tenant and no wrong score reaches an answer,
// foreign candidates are counted, and the request is answered. The counter is the process's, so the cases take turns.
func TestMaliciousPinecone(t *testing.T) {
	w := newWorld(t, openPinecone)
	backend := w.backend.(*onPinecone)
	docs := corpus(300, 30)
	own, other := w.resident(), w.resident()
	own.write(marked(docs, 1)...)
	other.write(marked(docs, 2)...)
	own.settle()
	other.settle()
	for name, malice := range malices {
		untilPineconeAnswers(t, backend, own, semantic(docs[0].vector, 10))
		backend.emulator.SetMalice(malice)
		before, asked := rejectedSoFar(t), 0
		for i := range 5 {
			vector := docs[i*7].vector
			for _, mode := range []string{search.Semantic, search.Hybrid} {
				request := semantic(vector, 10)
				request.Mode, request.Query = mode, docs[i*7].text
				found := own.ask(request)
				if len(found.Results) != 10 {
					t.Errorf("%s, %s: %d results", name, mode, len(found.Results))
				}
				for _, result := range found.Results {
					if (*result.Text)[len(*result.Text)-1] != '1' {
						t.Errorf("%s, %s: %q of another tenant is in the answer", name, mode, *result.Text)
					}
				}
				if len(found.Warnings) > 0 { // a flood may take longer than Pinecone is given: the answer says so
					continue
				}
				asked++
				if mode == search.Semantic { // scores and order are the database's, so the truth's
					w.agree(name, found, nearest(docs, vector, nil), vector, 10, 0)
				}
			}
		}
		rejected := rejectedSoFar(t) - before
		isForeign := malice&(pineconeemu.ForeignRecords|pineconeemu.ForeignIDs|pineconeemu.UnknownIDs) != 0
		if asked > 0 && (rejected > 0) != isForeign {
			t.Errorf("%s: %v candidates were counted as another tenant's", name, rejected)
		}
		if asked == 0 && malice != pineconeemu.EveryMalice {
			t.Errorf("%s: no search was answered by way of Pinecone, so this showed nothing", name)
		}
		t.Logf("%-16s %5.0f foreign candidates rejected, %d answers by way of Pinecone", name, rejected, asked)
	}
	untilPineconeAnswers(t, backend, own, semantic(docs[0].vector, 10))
	w.agree("honest again", own.ask(semantic(docs[0].vector, 10)), nearest(docs, docs[0].vector, nil), docs[0].vector, 10, leastRecall)
}

// untilPineconeAnswers makes the emulator honest and asks until the answer comes by way of Pinecone again: the lies of
// the case before may have opened the circuit, and as long as it is open a case shows nothing.
func untilPineconeAnswers(t *testing.T, backend *onPinecone, own *resident, request search.Request) {
	t.Helper()
	backend.emulator.SetMalice(0)
	for deadline := time.Now().Add(settleTimeout); len(own.ask(request).Warnings) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("Pinecone's circuit did not close again")
		}
	}
}

// rejectedSoFar reads the counter of wall 4 as an operator would.
func rejectedSoFar(t *testing.T) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(search.Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "lindero_isolation_rejected_candidates_total" {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("the counter of rejected candidates is gone")
	return 0
}
