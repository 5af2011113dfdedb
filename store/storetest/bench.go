package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
)

// Benchmark measures a backend's searches on a collection of the given size.
func Benchmark(b *testing.B, open Open, size int) {
	w := newWorld(b, open)
	r := w.resident()
	docs := corpus(size, 20)
	r.write(docs...)
	r.settle()
	for _, c := range []struct{ name, filter string }{{"plain", ""}, {"half", `{"half":true}`}, {"rare", `{"needle":"yes"}`}} {
		b.Run(fmt.Sprintf("%d/%s", size, c.name), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				request := semantic(docs[i%len(docs)].vector, 10)
				if c.filter != "" {
					request.Filter = json.RawMessage(c.filter)
				}
				if got := r.ask(request); len(got.Results) != 10 {
					b.Fatalf("%d results", len(got.Results))
				}
			}
		})
	}
}
