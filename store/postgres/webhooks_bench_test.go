package postgres_test

import (
	"fmt"
	"testing"
)

// BenchmarkOperation starts and ends an empty operation, told to none, one and as many webhooks as a tenant may
// have: what telling costs the work that ends an operation.
func BenchmarkOperation(b *testing.B) {
	for _, webhooks := range []int{0, 1, 20} {
		b.Run(fmt.Sprintf("webhooks=%d", webhooks), func(b *testing.B) {
			e := newEnv(b)
			for i := range webhooks {
				e.hook(fmt.Sprint("https://example.com/", i))
			}
			for b.Loop() {
				op, err := e.Handle.StartOperation(e.ctx, "ingest")
				if err == nil {
					err = e.Handle.FinishAccepting(e.ctx, op.ID)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
