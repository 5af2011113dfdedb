package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	pgvector "github.com/pgvector/pgvector-go"

	"lindero/search"
)

// passageColumns are what passageRow reads, of chunks c, documents d and, where vectors are wanted, v.
const passageColumns = `c.document_key, d.id, c.chunk_id, d.title, d.url, d.language, c.text, d.metadata, c.metadata,
	c.position, c.start_offset, c.end_offset, c.page`

// passageAt finds the chunk c of an ordinal and its document d, both by primary key. Each look-up is ordered as that
// key: while the planner knows nothing of freshly loaded tables, their other index with the same leading columns looks
// as good to it, and it would read the whole collection for every key. bindSearch forbids the sort that this would take.
func passageAt(tenant, collection, ordinal string) string {
	return fmt.Sprintf(`(SELECT * FROM chunks WHERE tenant_id = %[1]s AND collection_id = %[2]s
			AND ordinal >= %[3]s AND ordinal <= %[3]s ORDER BY ordinal OFFSET 0) c
		CROSS JOIN LATERAL (SELECT * FROM documents WHERE tenant_id = %[1]s AND collection_id = %[2]s
			AND key >= c.document_key AND key <= c.document_key ORDER BY key OFFSET 0) d`, tenant, collection, ordinal)
}

// passageRow scans one passage. The columns are null where the chunk is gone.
type passageRow struct {
	passage  search.Passage
	document *uuid.UUID
	id       *string
	chunk    *uuid.UUID
	texts    [4]*string
	numbers  [4]*int
	vector   *pgvector.HalfVector
}

func (r *passageRow) columns(vectors bool) []any {
	columns := []any{&r.document, &r.id, &r.chunk, &r.texts[0], &r.texts[1], &r.texts[2], &r.texts[3],
		&r.passage.Metadata, &r.passage.ChunkMetadata, &r.numbers[0], &r.numbers[1], &r.numbers[2], &r.numbers[3]}
	if vectors {
		columns = append(columns, &r.vector)
	}
	return columns
}

// take returns the passage read last; false when the chunk was gone.
func (r *passageRow) take() (search.Passage, bool) {
	if r.document == nil {
		return search.Passage{}, false
	}
	p := r.passage
	p.DocumentKey, p.DocumentID, p.ChunkID = *r.document, *r.id, *r.chunk
	p.Title, p.URL, p.Language, p.Text = *r.texts[0], *r.texts[1], *r.texts[2], *r.texts[3]
	p.Position.Chunk, p.Position.Start, p.Position.End, p.Position.Page = *r.numbers[0], *r.numbers[1], *r.numbers[2], *r.numbers[3]
	if r.vector != nil {
		p.Vector = r.vector.Slice()
	}
	*r = passageRow{}
	return p, true
}

// queueNearestPassages ranks and reads the passages in one statement: a search with one leg needs one round trip.
func (s *snapshot) queueNearestPassages(batch *pgx.Batch, nearest string, args *arguments, tenant, collection string, plan search.Plan, i int) {
	vector, fromVectors := "", ""
	if plan.Vectors {
		vector = ", w.embedding"
		fromVectors = fmt.Sprintf(`LEFT JOIN chunk_vectors w ON w.slot = %s AND w.tenant_id = %s AND w.collection_id = %s AND w.ordinal = n.ordinal`,
			args.add(plan.Targets[i].Collection.Slot), tenant, collection)
	}
	statement := fmt.Sprintf(`WITH nearest AS MATERIALIZED (%s)
		SELECT n.tenant_id, n.ordinal, n.distance, p.*%s FROM nearest n
		LEFT JOIN LATERAL (SELECT %s FROM %s OFFSET 0) p ON true
		%s ORDER BY n.distance, n.ordinal`, nearest, vector, passageColumns, passageAt(tenant, collection, "n.ordinal"), fromVectors)
	id := plan.Targets[i].Collection.ID
	s.passages = map[search.Key]search.Passage{}
	batch.Queue(statement, args.values...).Query(func(rows pgx.Rows) error {
		var c search.Candidate
		var distance float64
		var row passageRow
		for rows.Next() {
			if err := rows.Scan(append([]any{&c.Tenant, &c.Ordinal, &distance}, row.columns(plan.Vectors)...)...); err != nil {
				return err
			}
			s.addCandidate(i, c, distance)
			if passage, ok := row.take(); ok {
				s.passages[search.Key{Collection: id, Ordinal: c.Ordinal}] = passage
			}
		}
		return rows.Err()
	})
}

// Hydrate implements search.Snapshot: the second batch of a search, which ends its transaction.
func (s *snapshot) Hydrate(ctx context.Context, keys []search.Key, vectors bool) (map[search.Key]search.Passage, error) {
	if s.passages != nil {
		return s.passages, nil
	}
	if s.conn == nil {
		return nil, errors.New("the snapshot is closed")
	}
	passages := make(map[search.Key]search.Passage, len(keys))
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
func (s *snapshot) queuePassages(batch *pgx.Batch, collection uuid.UUID, ordinals []int64, vectors bool, into map[search.Key]search.Passage) {
	vector, arguments := "", []any{s.handle.id.UUID(), collection, ordinals}
	if vectors {
		// The slot as a parameter: a join with collections would lock every partition.
		vector = `, (SELECT v.embedding FROM chunk_vectors v WHERE v.slot = $4 AND v.tenant_id = $1 AND v.collection_id = $2 AND v.ordinal = c.ordinal)`
		arguments = append(arguments, s.slots[collection])
	}
	statement := `SELECT k.ordinal, p.* FROM unnest($3::bigint[]) AS k (ordinal)
		CROSS JOIN LATERAL (SELECT ` + passageColumns + vector + ` FROM ` + passageAt("$1", "$2", "k.ordinal") + ` OFFSET 0) p`
	batch.Queue(statement, arguments...).Query(func(rows pgx.Rows) error {
		var ordinal int64
		var row passageRow
		for rows.Next() {
			if err := rows.Scan(append([]any{&ordinal}, row.columns(vectors)...)...); err != nil {
				return err
			}
			if passage, ok := row.take(); ok {
				into[search.Key{Collection: collection, Ordinal: ordinal}] = passage
			}
		}
		return rows.Err()
	})
}
