package postgres

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/search/lexical/codec"
)

// queueSegment writes one lexical segment with its postings. languages are those its documents were analysed
// in; none, in a segment that is merely re-analysed, is an empty list.
func (h *Handle) queueSegment(batch *pgx.Batch, collection uuid.UUID, segmentID int64, segment codec.Segment, languages []string) {
	terms := make([]string, len(segment.Postings))
	blocks := make([][]byte, len(segment.Postings))
	for i, postings := range segment.Postings {
		terms[i], blocks[i] = postings.Term, postings.Block
	}
	batch.Queue(`INSERT INTO lexical_segments (tenant_id, collection_id, segment_id, chunks, tokens, languages)
		VALUES ($1, $2, $3, $4, $5, $6)`, h.id.UUID(), collection, segmentID, segment.Chunks, segment.Tokens, languages)
	batch.Queue(`INSERT INTO lexical_postings (tenant_id, collection_id, term, segment_id, postings)
		SELECT $1, $2, n.term, $3, n.block FROM unnest($4::text[], $5::bytea[]) AS n (term, block)`,
		h.id.UUID(), collection, segmentID, terms, blocks)
}
