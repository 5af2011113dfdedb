package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"lindero/search/lexical/codec"
)

// mergePostings is how many rows a merge reads at a time, which bounds its memory.
const mergePostings = 2000

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
		m.rewritten += s.Chunks
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
		batch.Queue(`INSERT INTO lexical_segments (tenant_id, collection_id, segment_id, chunks, tokens, languages, merged)
			VALUES ($1, $2, $3, $4, $5, $6, true)`, tenant, m.collection, next.ID, next.Chunks, next.Tokens, next.Languages)
	}
	return m.tx.SendBatch(ctx, batch).Close()
}
