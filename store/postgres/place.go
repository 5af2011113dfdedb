package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// place is where a collection's vectors lie and who else must be told of them, read under a lock that keeps it
// so until the commit.
type place struct {
	collection uuid.UUID
	slot       int
	backend    string
	dimensions int
	measured   int64 // its size when that was last looked at, where it has an approximate index
}

const placeColumns = `id, slot, backend, dimensions, indexed_chunks`

func (p *place) scan(row pgx.Row) error {
	return row.Scan(&p.collection, &p.slot, &p.backend, &p.dimensions, &p.measured)
}

// indexed reports whether an index outside the database follows the collection.
func (p place) indexed() bool { return p.backend == store.Pinecone }

// outgrown reports whether an approximate index over so many chunks has become another than the one that was measured.
func (p place) outgrown(chunks int64) bool {
	return p.slot >= store.FirstOwnSlot && chunks >= 2*max(p.measured, 1)
}

// lockPlace reads the place of a collection. pgx.ErrNoRows means that the collection is being deleted.
func (h *Handle) lockPlace(ctx context.Context, tx pgx.Tx, collection uuid.UUID) (p place, err error) {
	err = p.scan(tx.QueryRow(ctx, `SELECT `+placeColumns+` FROM collections
		WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR SHARE`, h.id.UUID(), collection))
	return p, err
}

// slotLeaf is the partition of chunk_vectors that a slot is.
func slotLeaf(slot int) string { return fmt.Sprintf("chunk_vectors_%d", slot) }
