package pinecone

import (
	"context"

	"lindero/store"
)

// Ledger is one tenant's record as far as Pinecone follows it. It is bound to the tenant: no method takes one.
type Ledger interface {
	// AlignBackend brings the tenant's collections to the backend chosen for it, and returns that.
	AlignBackend(context.Context) (backend string, err error)
	// UnsentVectors returns entries that Pinecone was not told of, in order after the given one; none when there are no
	// more. ReadVectors returns what is on record of entries of one collection, each ordinal once, in order.
	UnsentVectors(ctx context.Context, after store.VectorEntry, limit int) ([]store.VectorEntry, error)
	ReadVectors(context.Context, []store.VectorEntry) (store.VectorReading, error)
	// VectorsSent notes what Pinecone acknowledged, UnseenVectors returns what no read of it has confirmed yet, and
	// VectorsVisible notes what one has seen. VectorsOnRecord returns which ordinals of each entry are on record still.
	VectorsSent(context.Context, []store.VectorEntry) error
	UnseenVectors(ctx context.Context, limit int) ([]store.VectorEntry, error)
	VectorsOnRecord(context.Context, []store.VectorEntry) ([][]int64, error)
	VectorsVisible(context.Context, []store.VectorEntry) error
	// The namespaces that the tenant has, by dimension: noted before the first write, until seen to be gone.
	VectorNamespaces(context.Context) (dimensions []int, err error)
	NoteNamespace(ctx context.Context, dimensions int) error
	NamespaceGone(ctx context.Context, dimensions int) error
	// IndexedVectors returns what Pinecone must hold; RepairVectors notes vectors that are to be sent again.
	IndexedVectors(context.Context) ([]store.VectorSet, error)
	RepairVectors(context.Context, store.VectorSet) error
}
