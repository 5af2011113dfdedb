package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
)

// TenantTables are all tables that hold tenants' rows, in the order in which a tenant's deletion empties them:
// what refers to a row before the row. A test compares the list with the catalogue, so that a new table cannot
// be forgotten. Keys and the tenant itself go last, by finish_tenant_deletion.
var TenantTables = []string{
	"webhook_deliveries", "webhooks",
	"work_items", "operation_errors", "operations", "idempotency_keys",
	"lexical_postings", "lexical_segments", "lexical_deleted", "vector_outbox", "vector_namespaces", "chunk_vectors", "embedding_cache",
	"chunks", "document_fields", "document_payloads", "documents", "collection_counters", "collection_placements", "collection_recall", "collections",
}

// purgePasses is how often a purge starts over when an ingestion that was under way left rows behind.
const purgePasses = 3

// PurgeTenant removes everything of a tenant that is being deleted, in batches, checks that nothing is left and
// leaves a receipt with the rows removed by table; then it gives back the space of what it has emptied. It may be
// interrupted and repeated; a tenant that is gone already is fine, one that is not being deleted is a fault.Conflict.
func (h *Handle) PurgeTenant(ctx context.Context) error {
	t, err := h.Tenant(ctx)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if t.State != tenant.Deleting {
		return fault.New(fault.Conflict, "the tenant is not being deleted")
	}
	if err := h.refuseWithNamespaces(ctx); err != nil {
		return err
	}
	shared, err := h.sharedLeaves(ctx)
	if err != nil {
		return err
	}
	removed := removals{}
	for pass := 1; ; pass++ {
		if err := h.purgeTables(ctx, removed); err != nil {
			return err
		}
		err := h.finishDeletion(ctx, removed)
		var pg *pgconn.PgError
		if pass < purgePasses && errors.As(err, &pg) && pg.Code == "55006" { // rows are left in a table
			continue
		}
		if err != nil {
			return err
		}
		return h.reclaim(ctx, emptiedTables(removed, shared))
	}
}

// sharedLeaves are the partitions of the shared slots that hold vectors of the tenant.
func (h *Handle) sharedLeaves(ctx context.Context) (leaves []string, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT DISTINCT slot FROM collections WHERE tenant_id = $1 AND slot < $2`, h.id.UUID(), store.FirstOwnSlot).
			Query(func(rows pgx.Rows) error {
				slots, err := pgx.CollectRows(rows, pgx.RowTo[int])
				for _, slot := range slots {
					leaves = append(leaves, slotLeaf(slot))
				}
				return err
			})
	})
	return leaves, err
}

// emptiedTables are the tables, of those that a receipt tells of, whose space can be given back, with what was removed.
func emptiedTables(receipt removals, shared []string) removals {
	emptied := removals{}
	for _, table := range TenantTables {
		emptied[table] = receipt[table]
	}
	delete(emptied, "chunk_vectors") // its partitions instead
	for _, leaf := range shared {
		emptied[leaf] = receipt["chunk_vectors"]
	}
	return emptied
}

// refuseWithNamespaces keeps the list of a tenant's namespaces until each is gone: without it nobody would know.
func (h *Handle) refuseWithNamespaces(ctx context.Context) error {
	left, err := h.VectorNamespaces(ctx)
	if err == nil && len(left) > 0 {
		return fault.New(fault.Conflict, "the tenant has namespaces in Pinecone (indexes of %v dimensions) that must be deleted first", left)
	}
	return err
}

// receiptNamespaces is how a receipt counts the namespaces that the tenant has had in Pinecone and that are gone.
const receiptNamespaces = "pinecone_namespaces"

func (h *Handle) purgeTables(ctx context.Context, removed removals) error {
	if err := h.purgeJobs(ctx, removed); err != nil {
		return err
	}
	if err := h.purgeOwnSlots(ctx, removed); err != nil {
		return err
	}
	for _, table := range TenantTables {
		n, err := h.purgeTable(ctx, table)
		if err != nil {
			return err
		}
		removed[table] += n
		if table == "vector_namespaces" { // each was seen to be gone before its row could go
			removed[receiptNamespaces] += n
		}
	}
	return nil
}

// purgeOwnSlots marks the tenant's collections, so that none takes another slot, and empties the slots of their own.
func (h *Handle) purgeOwnSlots(ctx context.Context, removed removals) error {
	var collections []uuid.UUID
	err := h.write(ctx, func(tx pgx.Tx) error {
		var vectors int64
		batch := &pgx.Batch{}
		batch.Queue(`UPDATE collections SET deleted_at = now(), version = version + 1 WHERE tenant_id = $1 AND deleted_at IS NULL`, h.id.UUID())
		batch.Queue(`SELECT count(*) FROM chunk_vectors WHERE slot >= $2 AND tenant_id = $1`, h.id.UUID(), store.FirstOwnSlot).
			QueryRow(func(row pgx.Row) error { return row.Scan(&vectors) })
		batch.Queue(`SELECT id FROM collections WHERE tenant_id = $1`, h.id.UUID()).Query(func(rows pgx.Rows) (err error) {
			collections, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			return err
		})
		err := tx.SendBatch(ctx, batch).Close()
		removed["chunk_vectors"] += vectors
		return err
	})
	for i := 0; err == nil && i < len(collections); i++ {
		err = h.releaseSlots(ctx, collections[i])
	}
	return err
}

// purgeJobs removes the tenant's jobs from the queue. One that is running ends by itself: it finds nothing, or
// what it still writes is found by the next pass.
func (h *Handle) purgeJobs(ctx context.Context, removed removals) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM river.river_job
			WHERE args->>'tenant_id' = $1 AND kind <> 'purge_tenant' AND state <> 'running'`, h.id.String())
		removed["river_job"] += tag.RowsAffected()
		return err
	})
}

// purgeTable empties a table of the tenant's rows, a bounded batch a transaction. Rows are named by where they
// lie, which for a partitioned table takes the partition too.
func (h *Handle) purgeTable(ctx context.Context, table string) (total int64, err error) {
	shared := ""
	if table == "chunk_vectors" {
		shared = fmt.Sprintf("slot < %d AND ", store.FirstOwnSlot) // own slots are empty; reading them would lock them all
	}
	statement := fmt.Sprintf(`DELETE FROM %[1]s t USING (SELECT tableoid, ctid FROM %[1]s WHERE %[2]stenant_id = $1 LIMIT $2) batch
		WHERE %[2]st.tenant_id = $1 AND t.tableoid = batch.tableoid AND t.ctid = batch.ctid`, pgx.Identifier{table}.Sanitize(), shared)
	for {
		n, err := h.purgeSome(ctx, statement, h.id.UUID(), purgeBatch)
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}

func (h *Handle) finishDeletion(ctx context.Context, removed removals) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		var keys int64
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM api_keys WHERE tenant_id = $1`, h.id.UUID()).Scan(&keys); err != nil {
			return err
		}
		removed["api_keys"] = keys
		_, err := tx.Exec(ctx, `SELECT finish_tenant_deletion($1)`, removed)
		return err
	})
}
