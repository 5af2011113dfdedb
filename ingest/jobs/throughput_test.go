package jobs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"lindero/embed/builtin"
	"lindero/internal/storefixture"
	"lindero/store"
)

// words are drawn with a skew, as in texts: few are frequent.
func text(random *rand.Rand, words int) string {
	var b strings.Builder
	for range words {
		fmt.Fprintf(&b, "w%d ", int(float64(20_000)*random.Float64()*random.Float64()*random.Float64()))
	}
	return b.String()
}

// BenchmarkIngest takes documents of one passage with 150 words through acceptance, preparation and
// publication: per iteration one call with 2,000 documents, until all are searchable.
func BenchmarkIngest(b *testing.B) {
	embedder, err := builtin.New(768)
	if err != nil {
		b.Fatal(err)
	}
	own := embedder.Profile()
	for name, profile := range map[string]store.Profile{
		"external768": {Provider: store.ProviderExternal, Dimensions: 768},
		"builtin768":  {Provider: own.Provider, Model: own.Model, Dimensions: own.Dimensions},
	} {
		b.Run(name, func(b *testing.B) {
			f := storefixture.New(b)
			tenant := f.Tenant(b, profile)
			cfg := config(f.Store, embedder)
			start(b, cfg)
			random := rand.New(rand.NewPCG(1, 2))
			const perCall = 2000
			b.ResetTimer()
			for i := range b.N {
				b.StopTimer()
				docs := make([]store.NewDocument, perCall)
				for j := range docs {
					id := fmt.Sprintf("%d-%d", i, j)
					if profile.Provider == store.ProviderExternal {
						docs[j] = storefixture.Split(id, text(random, 150), 768)
					} else {
						docs[j] = storefixture.Text(id, "Title", text(random, 150))
					}
				}
				b.StartTimer()
				wait(b, tenant, accept(b, tenant, docs...))
			}
			b.ReportMetric(float64(b.N*perCall)/b.Elapsed().Seconds(), "chunks/s")
		})
	}
}

// BenchmarkUnchanged takes the same 2,000 documents in again.
func BenchmarkUnchanged(b *testing.B) {
	f := storefixture.New(b)
	tenant := f.Tenant(b, store.Profile{Provider: store.ProviderExternal, Dimensions: 768})
	start(b, config(f.Store, nil))
	random := rand.New(rand.NewPCG(1, 2))
	docs := make([]store.NewDocument, 2000)
	for j := range docs {
		docs[j] = storefixture.Split(fmt.Sprint(j), text(random, 150), 768)
	}
	wait(b, tenant, accept(b, tenant, docs...))
	b.ResetTimer()
	for range b.N {
		if _, err := tenant.Handle.AcceptDocuments(context.Background(), tenant.Collection, docs, store.AcceptOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(docs))/b.Elapsed().Seconds(), "documents/s")
}
