package pinecone

import (
	"context"

	"lindero/store"
)

// Ledger is one tenant's record as far as Pinecone follows it. It is bound to the tenant: no method takes one.
type Ledger interface {
	// AlignBackend brings the tenant's collections to the backend chosen for it, and returns that.
	AlignBackend(context.Context) (backend string, err error)
	// UnsentVectors returns changes Pinecone was not told of, in order after the given one, all of one dimension; none
	// when there are no more.
	UnsentVectors(ctx context.Context, after store.VectorKey, limit int) ([]store.VectorChange, error)
	// VectorsSent notes what Pinecone acknowledged; VectorsVisible what a read has seen.
	VectorsSent(context.Context, []store.VectorChange) error
	UnseenVectors(ctx context.Context, limit int) ([]store.VectorChange, error)
	VectorsVisible(context.Context, []store.VectorChange) error
	// The namespaces that the tenant has, by dimension: noted before the first write, until seen to be gone.
	VectorNamespaces(context.Context) (dimensions []int, err error)
	NoteNamespace(ctx context.Context, dimensions int) error
	NamespaceGone(ctx context.Context, dimensions int) error
	// IndexedVectors returns what Pinecone must hold; RepairVectors notes vectors that are to be sent again.
	IndexedVectors(context.Context) ([]store.VectorSet, error)
	RepairVectors(context.Context, store.VectorSet) error
}
