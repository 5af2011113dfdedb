package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	pgvector "github.com/pgvector/pgvector-go"

	"lindero/search"
	"lindero/store"
)

// passageColumns are what passageRow reads, of chunks c, documents d and, where vectors are wanted, v.
const passageColumns = `c.document_key, d.id, c.chunk_id, d.title, d.url, d.language, c.text, d.metadata, c.metadata,
	c.position, c.start_offset, c.end_offset, c.page`

// passageAt finds the chunk c of an ordinal and its document d, both by primary key. Each look-up is ordered as that
// key: while the planner knows nothing of freshly loaded tables, their other index with the same leading columns looks
// as good to it, and it would read the whole collection for every key. planSearches forbids the sort that this would take.
// Every column named is prepared for anew by each search, asked for or not.
func passageAt(tenant, collection, ordinal string) string {
	return fmt.Sprintf(`(SELECT ordinal, document_key, chunk_id, text, metadata, position, start_offset, end_offset, page
			FROM chunks WHERE tenant_id = %[1]s AND collection_id = %[2]s
			AND ordinal >= %[3]s AND ordinal <= %[3]s ORDER BY ordinal OFFSET 0) c
		CROSS JOIN LATERAL (SELECT id, title, url, language, metadata
			FROM documents WHERE tenant_id = %[1]s AND collection_id = %[2]s
			AND key >= c.document_key AND key <= c.document_key ORDER BY key OFFSET 0) d`, tenant, collection, ordinal)
}

// passageRow scans one passage. The columns are null where the chunk is gone.
type passageRow struct {
	document, chunk         pgtype.UUID
	id                      pgtype.Text
	texts                   [4]pgtype.Text
	metadata, chunkMetadata json.RawMessage
	numbers                 [4]pgtype.Int4
	vector                  *pgvector.HalfVector
}

// columns are the targets to scan into, after those that the statement begins with. Metadata is scanned as bytes: as JSON
// the driver would parse it.
func (r *passageRow) columns(vectors bool, first ...any) []any {
	columns := append(first, &r.document, &r.id, &r.chunk, &r.texts[0], &r.texts[1], &r.texts[2], &r.texts[3],
		(*[]byte)(&r.metadata), (*[]byte)(&r.chunkMetadata), &r.numbers[0], &r.numbers[1], &r.numbers[2], &r.numbers[3])
	if vectors {
		columns = append(columns, &r.vector)
	}
	return columns
}

// take returns the passage read last; nil when the chunk was gone.
func (r *passageRow) take() *search.Passage {
	if !r.document.Valid {
		return nil
	}
	p := &search.Passage{
		DocumentKey: r.document.Bytes, DocumentID: r.id.String, ChunkID: r.chunk.Bytes,
		Title: r.texts[0].String, URL: r.texts[1].String, Language: r.texts[2].String, Text: r.texts[3].String,
		Metadata: r.metadata, ChunkMetadata: r.chunkMetadata,
		Position: store.Position{Chunk: int(r.numbers[0].Int32), Start: int(r.numbers[1].Int32), End: int(r.numbers[2].Int32), Page: int(r.numbers[3].Int32)},
	}
	if r.vector != nil {
		p.Vector = r.vector.Slice()
	}
	r.metadata, r.chunkMetadata, r.vector = nil, nil, nil // the next row must not be read over this one's
	return p
}

// queueNearestPassages ranks and reads the passages in one statement, which also tells the collection's version: a
// search with one leg needs one round trip and no transaction beyond the batch. There is a row even when nothing is
// found, for the version.
func (s *snapshot) queueNearestPassages(batch *pgx.Batch, nearest string, args *arguments, tenant, collection string, plan search.Plan, i int) {
	vector, fromVectors := "", ""
	target := plan.Targets[i]
	if plan.Vectors {
		vector = ", w.embedding"
		fromVectors = fmt.Sprintf(`LEFT JOIN %s w ON w.slot = %s AND w.tenant_id = %s AND w.collection_id = %s AND w.ordinal = n.ordinal`,
			leafOf(target), args.add(target.Collection.Slot), tenant, collection)
	}
	statement := fmt.Sprintf(`WITH nearest (tenant_id, ordinal, distance) AS MATERIALIZED (%s)
		SELECT v.version, v.stands, n.tenant_id, n.ordinal, n.distance, p.*%[3]s
		FROM (SELECT %[2]s OFFSET 0) v LEFT JOIN nearest n ON true
		LEFT JOIN LATERAL (SELECT %[4]s FROM %[5]s OFFSET 0) p ON true %[6]s`,
		nearest, s.verdictOn(args, tenant, collection, i), vector, passageColumns, passageAt(tenant, collection, "n.ordinal"), fromVectors)
	s.passages = make(map[search.Key]*search.Passage, target.Limit)
	batch.Queue(statement, args.values...).Query(func(rows pgx.Rows) error { return s.readNearest(rows, i, target, plan.Vectors) })
}

// readNearest reads the rows of queueNearestPassages.
func (s *snapshot) readNearest(rows pgx.Rows, i int, target search.Target, vectors bool) error {
	var v verdict
	var ordinal pgtype.Int8
	var tenant pgtype.UUID
	var distance pgtype.Float8
	var row passageRow
	columns := row.columns(vectors, &v.version, &v.stands, &tenant, &ordinal, &distance)
	for rows.Next() {
		if err := rows.Scan(columns...); err != nil {
			return err
		}
		s.take(v, i, target)
		if !ordinal.Valid {
			continue
		}
		s.addCandidate(i, search.Candidate{Tenant: tenant.Bytes, Ordinal: ordinal.Int64}, distance.Float64)
		if passage := row.take(); passage != nil {
			s.passages[search.Key{Collection: target.Collection.ID, Ordinal: ordinal.Int64}] = passage
		}
	}
	return rows.Err()
}

// Hydrate implements search.Snapshot: the second batch of a search, which ends its transaction.
func (s *snapshot) Hydrate(ctx context.Context, keys []search.Key, vectors bool) (map[search.Key]*search.Passage, error) {
	if s.passages != nil {
		return s.passages, nil
	}
	if s.conn == nil {
		return nil, errors.New("the snapshot is closed")
	}
	passages := make(map[search.Key]*search.Passage, len(keys))
	batch := &pgx.Batch{}
	byCollection := map[uuid.UUID][]int64{}
	for _, key := range keys {
		byCollection[key.Collection] = append(byCollection[key.Collection], key.Ordinal)
	}
	for collection, ordinals := range byCollection {
		s.queuePassages(batch, collection, ordinals, vectors, passages)
	}
	batch.Queue("COMMIT")
	s.roundTrips++
	if err := s.conn.SendBatch(ctx, batch).Close(); err != nil {
		s.Close()
		return nil, translate(err)
	}
	s.finish()
	return passages, nil
}

// queuePassages reads by ordinal under row-level security (wall 4). The lateral look-up keeps to the primary key.
func (s *snapshot) queuePassages(batch *pgx.Batch, collection uuid.UUID, ordinals []int64, vectors bool, into map[search.Key]*search.Passage) {
	vector, arguments := "", []any{s.handle.id.UUID(), collection, ordinals}
	if vectors {
		// The slot as a parameter: a join with collections would lock every partition.
		vector = fmt.Sprintf(`, (SELECT v.embedding FROM %s v
			WHERE v.slot = $4 AND v.tenant_id = $1 AND v.collection_id = $2 AND v.ordinal = c.ordinal)`, slotLeaf(s.slots[collection]))
		arguments = append(arguments, s.slots[collection])
	}
	statement := `SELECT k.ordinal, p.* FROM unnest($3::bigint[]) AS k (ordinal)
		CROSS JOIN LATERAL (SELECT ` + passageColumns + vector + ` FROM ` + passageAt("$1", "$2", "k.ordinal") + ` OFFSET 0) p`
	batch.Queue(statement, arguments...).Query(func(rows pgx.Rows) error {
		var ordinal int64
		var row passageRow
		columns := row.columns(vectors, &ordinal)
		for rows.Next() {
			if err := rows.Scan(columns...); err != nil {
				return err
			}
			if passage := row.take(); passage != nil {
				into[search.Key{Collection: collection, Ordinal: ordinal}] = passage
			}
		}
		return rows.Err()
	})
}
