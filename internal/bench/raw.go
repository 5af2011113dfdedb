package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	pgvector "github.com/pgvector/pgvector-go"
	pgxvector "github.com/pgvector/pgvector-go/pgx"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"
)

// raw asks the database what the service would be asked, as somebody would who wrote the SQL by hand for this one
// purpose: one connection, one prepared statement, the tenant bound in the same round trip, the answer's texts read.
type raw struct {
	conn  *pgx.Conn
	topK  int
	homes map[*subject]home
}

// home is where a tenant's collection lies.
type home struct {
	tenant, collection uuid.UUID
	slot, ef           int
	dimensions         int
}

func (b *Bench) openRaw(ctx context.Context, subjects []*subject) (*raw, error) {
	conn, err := pgx.Connect(ctx, b.cfg.Deployment.DatabaseURL)
	if err != nil {
		return nil, fmt.Errorf("the database of the raw baseline: %w", err)
	}
	r := &raw{conn: conn, topK: b.cfg.TopK, homes: map[*subject]home{}}
	pgxuuid.Register(conn.TypeMap())
	if err := pgxvector.RegisterTypes(ctx, conn); err != nil {
		return nil, err
	}
	for _, setting := range []string{"SET plan_cache_mode = force_custom_plan", "SET jit = off"} {
		if _, err := conn.Exec(ctx, setting); err != nil {
			return nil, err
		}
	}
	for _, s := range subjects {
		if r.homes[s], err = r.find(ctx, s); err != nil {
			return nil, fmt.Errorf("find the collection of tenant %s: %w", s.id, err)
		}
	}
	return r, nil
}

func (r *raw) close() { _ = r.conn.Close(context.Background()) }

const bind = `SELECT set_config('app.tenant_id', $1, true)`

// bindNearest is the same for searches without a filter, which are planned once and search the index as wide as the
// service does.
const bindNearest = `SELECT set_config('app.tenant_id', $1, true), set_config('hnsw.ef_search', $2, true),
	set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_sort', 'off', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`

func (r *raw) find(ctx context.Context, s *subject) (h home, err error) {
	if h.tenant, err = uuid.Parse(s.id); err != nil {
		return h, err
	}
	batch := &pgx.Batch{}
	batch.Queue(bind, s.id)
	batch.Queue(`SELECT id, slot, dimensions, coalesce(nullif(ef_search, 0), 64)
		FROM collections WHERE tenant_id = $1 AND name = $2`, h.tenant, collection).
		QueryRow(func(row pgx.Row) error { return row.Scan(&h.collection, &h.slot, &h.dimensions, &h.ef) })
	return h, r.conn.SendBatch(ctx, batch).Close()
}

// ownSlot is from which slot on a collection lies alone and has an HNSW index.
const ownSlot = 1000

// distance is what the nearest are ranked by; with an index, exactly what it is an index of.
func (h home) distance(filter bool) string {
	if h.slot < ownSlot || filter {
		return "v.embedding <=> $4"
	}
	return fmt.Sprintf("v.embedding::halfvec(%d) <=> $4", h.dimensions)
}

// statement ranks and reads the passages at once: by a distance, under a filter or none, so many, in a slot.
const statement = `WITH nearest AS MATERIALIZED (
		SELECT v.ordinal, %[1]s AS distance FROM chunk_vectors_%[4]d v
		WHERE v.slot = $1 AND v.tenant_id = $2 AND v.collection_id = $3 %[2]s ORDER BY %[1]s LIMIT %[3]d)
	SELECT d.id, c.chunk_id, c.text, d.title, d.url, d.metadata, c.position, c.start_offset, c.end_offset, n.distance
	FROM nearest n
	CROSS JOIN LATERAL (SELECT * FROM chunks WHERE tenant_id = $2 AND collection_id = $3 AND ordinal = n.ordinal OFFSET 0) c
	CROSS JOIN LATERAL (SELECT * FROM documents WHERE tenant_id = $2 AND collection_id = $3 AND key = c.document_key OFFSET 0) d
	ORDER BY n.distance`

const filtered = `AND v.ordinal IN (SELECT c.ordinal FROM document_fields f
	JOIN chunks c ON c.tenant_id = $2 AND c.collection_id = $3 AND c.document_key = f.document_key
	WHERE f.tenant_id = $2 AND f.collection_id = $3 AND f.field = 'share' AND f.float_value < $5)`

// passage is what a caller gets of one hit.
type passage struct {
	id, text, title, url string
	chunk                uuid.UUID
	metadata             []byte
	position, start, end int
	distance             float64
}

func (r *raw) ask(ctx context.Context, q *query) (time.Duration, error) {
	home, started := r.homes[q.subject], time.Now()
	args := []any{home.slot, home.tenant, home.collection, pgvector.NewHalfVector(q.vector)}
	sql := fmt.Sprintf(statement, home.distance(false), "", r.topK, home.slot)
	if q.truth.below < shares {
		sql = fmt.Sprintf(statement, home.distance(true), filtered, r.topK, home.slot)
		args = append(args, float64(q.truth.below))
	}
	passages := make([]passage, 0, r.topK)
	batch := &pgx.Batch{}
	if q.truth.below == shares {
		batch.Queue(bindNearest, q.subject.id, strconv.Itoa(max(home.ef, r.topK)))
	} else {
		batch.Queue(bind, q.subject.id)
	}
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		var p passage
		_, err := pgx.ForEachRow(rows, []any{&p.id, &p.chunk, &p.text, &p.title, &p.url, &p.metadata, &p.position, &p.start, &p.end, &p.distance},
			func() error { passages = append(passages, p); return nil })
		return err
	})
	err := r.conn.SendBatch(ctx, batch).Close()
	took := time.Since(started)
	if err == nil && len(passages) < q.expect {
		err = fmt.Errorf("the raw baseline found %d of %d passages", len(passages), q.expect)
	}
	return took, err
}

// ranked are the cells that hand-written SQL can answer: those of vectors alone.
func ranked(cells []*cell) (only []*cell) {
	for _, c := range cells {
		if c.kind == kindVector {
			only = append(only, c)
		}
	}
	return only
}
