package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// Publish makes prepared versions visible and their predecessors invisible, in one transaction: a reader sees
// all of it or nothing. Each document is fenced by the version it was prepared for, so that repeating a batch,
// or two workers on the same one, can neither double nor resurrect anything. docs are of the given collection,
// each document once.
func (h *Handle) Publish(ctx context.Context, c store.Collection, docs []store.Prepared) (store.Published, error) {
	if len(docs) == 0 {
		return store.Published{}, nil
	}
	docs = slices.Clone(docs)
	// The order in which every transaction locks documents.
	slices.SortFunc(docs, func(a, b store.Prepared) int { return cmp.Compare(a.Item.DocumentID, b.Item.DocumentID) })
	first, segment, err := h.takeOrdinals(ctx, c.ID, chunksOf(docs))
	if err != nil {
		return store.Published{}, err
	}
	// Built before the transaction, which would otherwise hold its locks meanwhile.
	all, err := newPublication(c, segment, first, docs)
	if err != nil {
		return store.Published{}, err
	}
	var published store.Published
	err = h.write(ctx, func(tx pgx.Tx) error {
		published, err = h.publish(ctx, tx, c, all)
		return err
	})
	if err != nil {
		return store.Published{}, err
	}
	return published, nil
}

func chunksOf(docs []store.Prepared) int {
	n := 0
	for _, doc := range docs {
		n += len(doc.Passages)
	}
	return n
}

// takeOrdinals reserves chunks ordinals and one segment number, in a transaction of its own: the counter's
// row is free again at once. What a failed publication leaves is a gap.
func (h *Handle) takeOrdinals(ctx context.Context, collection uuid.UUID, chunks int) (first, segment int64, err error) {
	err = h.read(ctx, func(b *pgx.Batch) { // an implicit transaction of one statement
		b.Queue(`UPDATE collection_counters SET next_ordinal = next_ordinal + $3, next_segment = next_segment + 1
			WHERE tenant_id = $1 AND collection_id = $2 RETURNING next_ordinal - $3, next_segment - 1`,
			h.id.UUID(), collection, chunks).QueryRow(func(row pgx.Row) error {
			return missing(row.Scan(&first, &segment), "the collection does not exist")
		})
	})
	return first, segment, err
}

func (h *Handle) publish(ctx context.Context, tx pgx.Tx, c store.Collection, all *publication) (store.Published, error) {
	at, err := h.lockPlace(ctx, tx, c.ID)
	gone := errors.Is(err, pgx.ErrNoRows) // the collection is being deleted
	if err != nil && !gone {
		return store.Published{}, err
	}
	valid := map[uuid.UUID]int64{}
	if !gone {
		if valid, err = h.fence(ctx, tx, c.ID, all.docKeys, all.docVersions); err != nil {
			return store.Published{}, err
		}
	}
	published := store.Published{Documents: len(valid), Outdated: len(all.docs) - len(valid)}
	if len(valid) > 0 {
		kept := all
		if published.Outdated > 0 {
			if kept, err = all.only(valid); err != nil {
				return published, err
			}
		}
		published.Chunks = len(kept.ordinals)
		if err := h.replaceVersions(ctx, tx, at, kept, valid); err != nil {
			return published, err
		}
	}
	if err := h.finishItems(ctx, tx, c.ID, all); err != nil {
		return published, err
	}
	if published.Documents == 0 {
		return published, nil
	}
	return published, h.considerUpkeep(ctx, tx, at)
}

// replaceVersions removes the visible versions of documents and writes the new ones.
func (h *Handle) replaceVersions(ctx context.Context, tx pgx.Tx, at place, p *publication, visible map[uuid.UUID]int64) error {
	var old []uuid.UUID
	for _, key := range p.docKeys {
		if visible[key] > 0 {
			old = append(old, key)
		}
	}
	if err := h.unpublish(ctx, tx, at, old); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	h.queueChunks(batch, at, p)
	h.queueFields(batch, at.collection, &p.fields)
	h.queueSegment(batch, at.collection, p.segmentID, p.segment, p.languages)
	h.queueDocuments(batch, at.collection, p)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return h.askSync(ctx, tx, at)
}

func (h *Handle) queueChunks(batch *pgx.Batch, at place, p *publication) {
	batch.Queue(`INSERT INTO chunks (tenant_id, collection_id, ordinal, document_key, position, chunk_id, text, context,
			start_offset, end_offset, page, metadata, tokens)
		SELECT $1, $2, n.* FROM unnest($3::bigint[], $4::uuid[], $5::int[], $6::uuid[], $7::text[], $8::text[],
			$9::int[], $10::int[], $11::int[], $12::jsonb[], $13::int[]) AS n`,
		h.id.UUID(), at.collection, p.ordinals, p.keys, p.positions, p.chunkIDs, p.texts, p.contexts,
		p.starts, p.ends, p.pages, p.metadata, p.tokens)
	batch.Queue(`INSERT INTO chunk_vectors (slot, tenant_id, collection_id, ordinal, embedding)
		SELECT $1, $2, $3, n.* FROM unnest($4::bigint[], $5::halfvec[]) AS n`,
		at.slot, h.id.UUID(), at.collection, p.ordinals, p.vectors)
	h.queueOutbox(batch, at, p.ordinals, false)
}

func (h *Handle) queueFields(batch *pgx.Batch, collection uuid.UUID, f *fieldColumns) {
	if len(f.keys) == 0 {
		return
	}
	batch.Queue(`INSERT INTO document_fields (tenant_id, collection_id, document_key, first_ordinal, chunks, field, n, text_value, float_value, bool_value)
		SELECT $1, $2, n.* FROM unnest($3::uuid[], $4::bigint[], $5::int[], $6::text[], $7::smallint[], $8::text[], $9::float8[], $10::boolean[]) AS n`,
		h.id.UUID(), collection, f.keys, f.firsts, f.chunks, f.fields, f.n, f.texts, f.floats, f.bools)
}

// queueDocuments moves the rows of documents to their new versions. Payloads of older ones go.
func (h *Handle) queueDocuments(batch *pgx.Batch, collection uuid.UUID, p *publication) {
	batch.Queue(updateFound("documents", `title = k.title, url = k.url, language = k.language, metadata = k.metadata,
			content_type = k.content_type, bytes = k.bytes, chunks = k.chunks, version = k.version, pending_version = NULL,
			status = 'indexed', error_code = NULL, error_detail = NULL, updated_at = now(), indexed_at = now()`,
		each("key, version, title, url, language, metadata, content_type, bytes, chunks", "$3::uuid[]", "$4::bigint[]",
			"$5::text[]", "$6::text[]", "$7::text[]", "$8::jsonb[]", "$9::text[]", "$10::bigint[]", "$11::int[]"),
		documentByKey, ""),
		h.id.UUID(), collection, p.docKeys, p.docVersions, p.docTitles, p.docURLs, p.docLanguages, p.docMetadata,
		p.docTypes, p.docBytes, p.docChunks)
	batch.Queue(deleteFound("document_payloads", each("key, version", "$3::uuid[]", "$4::bigint[]"), payloadsOfDocument,
		` AND x.version < k.version`),
		h.id.UUID(), collection, p.docKeys, p.docVersions)
}

// finishItems removes the items of a batch, overtaken ones too, and counts them as done.
func (h *Handle) finishItems(ctx context.Context, tx pgx.Tx, collection uuid.UUID, p *publication) error {
	counts := tally{}
	batch := &pgx.Batch{}
	h.queueItemsGone(batch, collection, p.docKeys, p.docVersions, func(operation, _ uuid.UUID) {
		counts.add(operation, count{done: 1})
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return h.settle(ctx, tx, counts)
}
