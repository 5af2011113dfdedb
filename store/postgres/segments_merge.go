package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/bits"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lindero/search/lexical/codec"
)

// The merge policy. Segments whose sizes share a power of eight form a tier; a full tier becomes one segment of the
// next, so that a query reads few rows a term and every posting is rewritten once a tier.
const (
	tierSegments   = 8
	mergedAtOnce   = 32        // segments in one merge
	maxMerged      = 1_000_000 // chunks in a segment made by merging
	deadShare      = 4         // a quarter of the chunks deleted: rewrite all
	mergePostings  = 2000      // rows read at a time: bounds the memory of a merge
	maxMergeRepeat = 5
)

// segmentRow is one row of lexical_segments.
type segmentRow struct {
	ID        int64
	Chunks    int64
	Tokens    int64
	Languages []string
}

// MergeSegments merges the collection's small segments and drops the postings of deleted chunks, until the policy is
// content. It changes no score: a marker goes in the transaction that removes its postings. Readers are never
// blocked; of several mergers of one collection one works and the others return.
func (h *Handle) MergeSegments(ctx context.Context, collection uuid.UUID) error {
	repeats := 0
	for {
		merged, err := h.mergeOnce(ctx, collection)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "40001" && repeats < maxMergeRepeat {
			repeats++ // a merge elsewhere, or the purge of the collection, was faster
			continue
		}
		if err != nil || !merged {
			return translate(err)
		}
	}
}

// mergeOnce merges one group of segments; false when there is none to merge.
func (h *Handle) mergeOnce(ctx context.Context, collection uuid.UUID) (merged bool, err error) {
	if h.id.IsZero() {
		return false, errNoTenant
	}
	_, segmentID, err := h.takeOrdinals(ctx, collection, 0)
	if err != nil {
		return false, nil // the collection is gone
	}
	begin := "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT set_config('app.tenant_id', '" + h.id.String() + "', true)"
	err = pgx.BeginTxFunc(ctx, h.store.pool, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error {
		m := &merger{handle: h, tx: tx, collection: collection, segmentID: segmentID, seen: map[int64]bool{}}
		merged, err = m.run(ctx)
		return err
	})
	return merged && err == nil, err
}

// merger is one merge in its transaction, whose snapshot decides which deletions it may carry out.
type merger struct {
	handle     *Handle
	tx         pgx.Tx
	collection uuid.UUID
	segmentID  int64
	deleted    codec.Ordinals
	tokens     map[int64]int64 // of the deleted chunks
	seen       map[int64]bool  // deleted chunks that the merged segments held
}

func (m *merger) run(ctx context.Context) (bool, error) {
	var alone bool
	if err := m.tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, m.lockKey()).Scan(&alone); err != nil || !alone {
		return false, err
	}
	segments, err := m.segments(ctx)
	if err != nil {
		return false, err
	}
	if err := m.readDeleted(ctx); err != nil {
		return false, err
	}
	group := chooseSegments(segments, int64(len(m.deleted)))
	if group == nil {
		return false, nil
	}
	ids := make([]int64, len(group))
	for i, segment := range group {
		ids[i] = segment.ID
	}
	if err := m.rewritePostings(ctx, ids); err != nil {
		return false, err
	}
	return true, m.replaceSegments(ctx, group, ids, len(group) == len(segments))
}

// lockKey stands for tenant and collection among advisory locks; two that share one merely wait for each other.
func (m *merger) lockKey() int64 {
	sum := fnv.New64a()
	tenant := m.handle.id.UUID()
	_, _ = sum.Write(tenant[:])
	_, _ = sum.Write(m.collection[:])
	return int64(sum.Sum64())
}

func (m *merger) segments(ctx context.Context) ([]segmentRow, error) {
	rows, err := m.tx.Query(ctx, `SELECT segment_id, chunks, tokens, languages FROM lexical_segments
		WHERE tenant_id = $1 AND collection_id = $2 ORDER BY chunks, segment_id`, m.handle.id.UUID(), m.collection)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[segmentRow])
}

// chooseSegments picks what to merge: everything when too much of it is dead, else the smallest full tier.
func chooseSegments(segments []segmentRow, deleted int64) []segmentRow {
	total := int64(0)
	tiers := map[int][]segmentRow{}
	for _, s := range segments {
		total += s.Chunks
		tier := bits.Len64(uint64(s.Chunks)) / 3
		tiers[tier] = append(tiers[tier], s)
	}
	if deleted > 0 && deleted*deadShare >= total {
		return boundedGroup(segments)
	}
	for tier := 0; tier <= 21; tier++ {
		if group := boundedGroup(tiers[tier]); len(group) >= tierSegments {
			return group
		}
	}
	return nil
}

// boundedGroup cuts a group, smallest first, to what one merge may take.
func boundedGroup(segments []segmentRow) []segmentRow {
	chunks := int64(0)
	for i, s := range segments {
		if chunks += s.Chunks; i == mergedAtOnce || (i > 0 && chunks > maxMerged) {
			return segments[:i]
		}
	}
	return segments
}

func (m *merger) readDeleted(ctx context.Context) error {
	rows, err := m.tx.Query(ctx, `SELECT ordinal, tokens FROM lexical_deleted
		WHERE tenant_id = $1 AND collection_id = $2 ORDER BY ordinal`, m.handle.id.UUID(), m.collection)
	if err != nil {
		return err
	}
	m.tokens = map[int64]int64{}
	var ordinal, tokens int64
	_, err = pgx.ForEachRow(rows, []any{&ordinal, &tokens}, func() error {
		m.deleted = append(m.deleted, ordinal)
		m.tokens[ordinal] = tokens
		return nil
	})
	return err
}

// rewritePostings goes through the segments' postings term by term and writes each term's merged block.
func (m *merger) rewritePostings(ctx context.Context, ids []int64) error {
	_, err := m.tx.Exec(ctx, `DECLARE merged CURSOR FOR SELECT term, postings FROM lexical_postings
		WHERE tenant_id = $1 AND collection_id = $2 AND segment_id = ANY ($3) ORDER BY term`, m.handle.id.UUID(), m.collection, ids)
	if err != nil {
		return err
	}
	var term string
	var blocks [][]byte
	for {
		page, err := m.fetch(ctx)
		if err != nil {
			return err
		}
		var out mergedTerms
		for _, row := range page {
			if row.Term != term {
				if err := m.mergeTerm(&out, term, blocks); err != nil {
					return err
				}
				term, blocks = row.Term, nil
			}
			blocks = append(blocks, row.Block)
		}
		if len(page) == 0 {
			if err := m.mergeTerm(&out, term, blocks); err != nil {
				return err
			}
		}
		if err := m.insert(ctx, &out); err != nil {
			return err
		}
		if len(page) == 0 {
			_, err := m.tx.Exec(ctx, "CLOSE merged")
			return err
		}
	}
}

type postingRow struct {
	Term  string
	Block []byte
}

func (m *merger) fetch(ctx context.Context) ([]postingRow, error) {
	rows, err := m.tx.Query(ctx, fmt.Sprintf("FETCH FORWARD %d FROM merged", mergePostings)) // takes no parameter
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[postingRow])
}

// mergedTerms are rows of lexical_postings to be written.
type mergedTerms struct {
	terms  []string
	blocks [][]byte
}

func (m *merger) mergeTerm(out *mergedTerms, term string, blocks [][]byte) error {
	if len(blocks) == 0 {
		return nil
	}
	if err := m.noteSeen(blocks); err != nil {
		return err
	}
	block, _, err := codec.Merge(blocks, m.deleted)
	if err != nil || block == nil {
		return err
	}
	out.terms, out.blocks = append(out.terms, term), append(out.blocks, block)
	return nil
}

// noteSeen remembers which deleted chunks these segments hold: only their markers may go.
func (m *merger) noteSeen(blocks [][]byte) error {
	if len(m.deleted) == 0 {
		return nil
	}
	for _, block := range blocks {
		postings, err := codec.Decode(block, nil)
		if err != nil {
			return err
		}
		for _, p := range m.deleted.AppendOnly(nil, postings) {
			m.seen[p.Ordinal] = true
		}
	}
	return nil
}

func (m *merger) insert(ctx context.Context, out *mergedTerms) error {
	if len(out.terms) == 0 {
		return nil
	}
	_, err := m.tx.Exec(ctx, `INSERT INTO lexical_postings (tenant_id, collection_id, term, segment_id, postings)
		SELECT $1, $2, n.term, $3, n.block FROM unnest($4::text[], $5::bytea[]) AS n (term, block)`,
		m.handle.id.UUID(), m.collection, m.segmentID, out.terms, out.blocks)
	return err
}

// replaceSegments removes the merged segments and the markers they made superfluous, and writes the new row. A chunk
// without any term is in no posting: its marker goes when all segments are merged.
func (m *merger) replaceSegments(ctx context.Context, group []segmentRow, ids []int64, all bool) error {
	next := segmentRow{ID: m.segmentID, Languages: []string{}}
	for _, s := range group {
		next.Chunks += s.Chunks
		next.Tokens += s.Tokens
		next.Languages = append(next.Languages, s.Languages...)
	}
	slices.Sort(next.Languages)
	next.Languages = slices.Compact(next.Languages)
	var gone []int64
	for _, ordinal := range m.deleted {
		if all || m.seen[ordinal] {
			gone = append(gone, ordinal)
			next.Chunks--
			next.Tokens -= m.tokens[ordinal]
		}
	}
	batch := &pgx.Batch{}
	tenant := m.handle.id.UUID()
	batch.Queue(`DELETE FROM lexical_postings WHERE tenant_id = $1 AND collection_id = $2 AND segment_id = ANY ($3)`, tenant, m.collection, ids)
	batch.Queue(`DELETE FROM lexical_segments WHERE tenant_id = $1 AND collection_id = $2 AND segment_id = ANY ($3)`, tenant, m.collection, ids)
	batch.Queue(`DELETE FROM lexical_deleted WHERE tenant_id = $1 AND collection_id = $2 AND ordinal = ANY ($3)`, tenant, m.collection, gone)
	if next.Chunks > 0 {
		batch.Queue(`INSERT INTO lexical_segments (tenant_id, collection_id, segment_id, chunks, tokens, languages)
			VALUES ($1, $2, $3, $4, $5, $6)`, tenant, m.collection, next.ID, next.Chunks, next.Tokens, next.Languages)
	}
	return m.tx.SendBatch(ctx, batch).Close()
}
