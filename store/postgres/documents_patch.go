package postgres

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/search/lexical/analysis"
	"lindero/search/lexical/codec"
	"lindero/store"
)

// patchTries is how often a patch starts anew because the document changed under it.
const patchTries = 5

// PatchDocument changes title, URL and metadata without embedding anything anew: the vectors keep the title
// they were made with. The patch holds for the visible version at once and for one that is being indexed: that
// one gets a new version number, so that whoever prepares the old one is overtaken.
func (h *Handle) PatchDocument(ctx context.Context, collection, id string, patch store.Patch) (store.Document, error) {
	for range patchTries {
		view, err := h.patchView(ctx, collection, id)
		if err != nil {
			return store.Document{}, err
		}
		done, err := h.tryPatch(ctx, collection, view, patch)
		if err != nil {
			return store.Document{}, err
		}
		if done {
			return h.Document(ctx, collection, id)
		}
	}
	return store.Document{}, fault.New(fault.Conflict, "document %q is being changed by others; try again", id)
}

// patchView is a document as a patch found it.
type patchView struct {
	collection    uuid.UUID
	key           uuid.UUID
	visible, last int64
	pending       *int64
	title         string // visible, possibly from the file itself
	language      string
	payloadTitle  *string // as sent with the newest version
	payloadURL    *string
	payloadMeta   json.RawMessage
	passages      []patchPassage
}

// fieldsOf is the document with the ordinals that its chunks have, or get by the reindex.
func (v patchView) fieldsOf(r *reindex) fieldsOf {
	doc := fieldsOf{key: v.key, chunks: len(v.passages)}
	switch {
	case r != nil:
		doc.firstOrdinal = r.new[0]
	case len(v.passages) > 0:
		doc.firstOrdinal = v.passages[0].ordinal
	}
	return doc
}

type patchPassage struct {
	ordinal       int64
	text, context string
}

func (h *Handle) patchView(ctx context.Context, collection, id string) (patchView, error) {
	var v patchView
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT d.collection_id, d.key, d.version, d.last_version, d.pending_version, d.title, d.language,
				p.title, p.url, p.metadata
			FROM (SELECT d.*`+inCollection+`) d LEFT JOIN document_payloads p ON p.tenant_id = $1
				AND p.collection_id = d.collection_id AND p.document_key = d.key AND p.version = d.last_version`,
			h.id.UUID(), collection, id).QueryRow(func(row pgx.Row) error {
			return noDocument(row.Scan(&v.collection, &v.key, &v.visible, &v.last, &v.pending, &v.title, &v.language,
				&v.payloadTitle, &v.payloadURL, &v.payloadMeta), collection, id)
		})
		b.Queue(`SELECT k.ordinal, k.text, k.context FROM (SELECT d.collection_id, d.key`+inCollection+`) d
			JOIN chunks k ON k.tenant_id = $1 AND k.collection_id = d.collection_id AND k.document_key = d.key
			ORDER BY k.position`, h.id.UUID(), collection, id).Query(func(rows pgx.Rows) error {
			var err error
			v.passages, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (patchPassage, error) {
				var p patchPassage
				return p, row.Scan(&p.ordinal, &p.text, &p.context)
			})
			return err
		})
	})
	return v, err
}

// tryPatch applies the patch if the document is still as v says; it reports false when it is not.
func (h *Handle) tryPatch(ctx context.Context, collection string, v patchView, patch store.Patch) (bool, error) {
	retitled := patch.Title != nil && *patch.Title != v.title && len(v.passages) > 0
	var reindexed *reindex
	if retitled {
		var err error
		if reindexed, err = h.newReindex(ctx, v, *patch.Title); err != nil {
			return false, err
		}
	}
	applied := false
	err := h.write(ctx, func(tx pgx.Tx) error {
		at, err := h.lockPlace(ctx, tx, v.collection)
		if err != nil {
			return missing(err, "collection %s does not exist", collection)
		}
		same, err := h.lockUnchanged(ctx, tx, v)
		if err != nil || !same {
			return err
		}
		if reindexed != nil {
			if err := h.moveChunks(ctx, tx, at, v.key, reindexed); err != nil {
				return err
			}
		}
		applied = true
		if err := h.writePatch(ctx, tx, at, v, v.fieldsOf(reindexed), patch); err != nil || reindexed == nil {
			return err
		}
		return h.considerUpkeep(ctx, tx, at)
	})
	return applied && err == nil, err
}

func (h *Handle) lockUnchanged(ctx context.Context, tx pgx.Tx, v patchView) (bool, error) {
	rows, err := tx.Query(ctx, `SELECT version = $4 AND last_version = $5 AND pending_version IS NOT DISTINCT FROM $6
		FROM documents WHERE tenant_id = $1 AND collection_id = $2 AND key = $3 FOR UPDATE`,
		h.id.UUID(), v.collection, v.key, v.visible, v.last, v.pending)
	if err != nil {
		return false, err
	}
	same, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	return err == nil && len(same) == 1 && same[0], err
}

// writePatch changes the rows of a locked document. The newest version takes a new number.
func (h *Handle) writePatch(ctx context.Context, tx pgx.Tx, at place, v patchView, doc fieldsOf, patch store.Patch) error {
	next := v.last + 1
	var metadata *string
	if patch.Metadata != nil {
		text := objectOrEmpty(patch.Metadata)
		metadata = &text
	}
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE document_payloads SET title = coalesce($4, title), url = coalesce($5, url),
			metadata = coalesce($6::jsonb, metadata), version = CASE WHEN version = $7 THEN $8 ELSE version END
		WHERE tenant_id = $1 AND collection_id = $2 AND document_key = $3`,
		h.id.UUID(), v.collection, v.key, patch.Title, patch.URL, metadata, v.last, next)
	// Freed: whoever has the old version in hand is overtaken.
	batch.Queue(`UPDATE work_items SET version = $5, lane = NULL, worker = NULL WHERE tenant_id = $1 AND collection_id = $2 AND document_key = $3
		AND version = $4`, h.id.UUID(), v.collection, v.key, v.last, next)
	batch.Queue(`UPDATE documents SET title = coalesce($4, title), url = coalesce($5, url),
			metadata = coalesce($6::jsonb, metadata), last_version = $8,
			version = CASE WHEN version = $7 THEN $8 ELSE version END,
			pending_version = CASE WHEN pending_version = $7 THEN $8 ELSE pending_version END,
			content_hash = CASE WHEN content_hash = '' THEN content_hash ELSE substring(content_hash FROM 1 FOR 32) || $9 END,
			updated_at = now()
		WHERE tenant_id = $1 AND collection_id = $2 AND key = $3`,
		h.id.UUID(), v.collection, v.key, patch.Title, patch.URL, metadata, v.last, next, v.descriptionHash(patch))
	if metadata != nil && v.visible > 0 {
		var fields fieldColumns
		if err := fields.add(doc, patch.Metadata); err != nil {
			return fault.Wrap(err, fault.Invalid, "metadata must be a flat object of strings, numbers, booleans and arrays of strings")
		}
		batch.Queue(`DELETE FROM document_fields WHERE tenant_id = $1 AND collection_id = $2 AND document_key = $3`,
			h.id.UUID(), v.collection, v.key)
		h.queueFields(batch, v.collection, &fields)
		h.queueOutboxOf(batch, at, v.key)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return h.askSync(ctx, tx, at)
}

// descriptionHash is of what a PUT would have to say now to change nothing. Empty when the newest version was
// cancelled: the next PUT counts as a change then.
func (v patchView) descriptionHash(patch store.Patch) []byte {
	if v.payloadTitle == nil || v.payloadURL == nil {
		return []byte{}
	}
	title, url, metadata := *v.payloadTitle, *v.payloadURL, v.payloadMeta
	if patch.Title != nil {
		title = *patch.Title
	}
	if patch.URL != nil {
		url = *patch.URL
	}
	if patch.Metadata != nil {
		metadata = patch.Metadata
	}
	return store.DescriptionHash(title, url, metadata)
}

// reindex is a visible version analysed under another title. Postings are never changed, so its chunks move
// to new ordinals.
type reindex struct {
	segmentID int64
	segment   codec.Segment
	language  string
	old, new  []int64
	tokens    []int32
}

func (h *Handle) newReindex(ctx context.Context, v patchView, title string) (*reindex, error) {
	first, segmentID, err := h.takeOrdinals(ctx, v.collection, len(v.passages))
	if err != nil {
		return nil, err
	}
	r := &reindex{segmentID: segmentID, language: v.language}
	analyzer := analysis.For(v.language)
	var builder codec.Builder
	for i, p := range v.passages {
		ordinal := first + int64(i)
		terms := analyzer.Terms(store.IndexedText(title, p.context, p.text))
		if err := builder.Add(ordinal, terms); err != nil {
			return nil, err
		}
		r.old, r.new, r.tokens = append(r.old, p.ordinal), append(r.new, ordinal), append(r.tokens, int32(len(terms)))
	}
	r.segment = builder.Build()
	return r, nil
}

// moveChunks gives the chunks of a document their new ordinals.
func (h *Handle) moveChunks(ctx context.Context, tx pgx.Tx, at place, document uuid.UUID, r *reindex) error {
	batch := &pgx.Batch{}
	batch.Queue(byKey)
	batch.Queue(`INSERT INTO lexical_deleted (tenant_id, collection_id, ordinal, tokens)
		SELECT $1, $2, x.ordinal, x.tokens FROM `+each("old", "$3::bigint[]")+` CROSS JOIN LATERAL (`+chunkByOrdinal+`) x
		WHERE `+oneRow, h.id.UUID(), at.collection, r.old)
	batch.Queue(updateFound("chunks", "ordinal = k.new, tokens = k.tokens",
		each("old, new, tokens", "$3::bigint[]", "$4::bigint[]", "$5::int[]"), chunkByOrdinal, ""), h.id.UUID(), at.collection, r.old, r.new, r.tokens)
	batch.Queue(updateFound("document_fields", "first_ordinal = k.first", each("key, first", "$3::uuid[]", "$4::bigint[]"), fieldsOfDocument, ""),
		h.id.UUID(), at.collection, []uuid.UUID{document}, r.new[:1])
	batch.Queue(`INSERT INTO chunk_vectors (slot, tenant_id, collection_id, ordinal, embedding)
		SELECT $1, $2, $3, k.new, x.embedding FROM `+each("ordinal, new", "$4::bigint[]", "$5::bigint[]")+`
		CROSS JOIN LATERAL (`+vectorOf+`) x WHERE `+oneRow,
		at.slot, h.id.UUID(), at.collection, r.old, r.new)
	batch.Queue(deleteVectors, at.slot, h.id.UUID(), at.collection, r.old)
	h.queueOutbox(batch, at, r.new, false)
	h.queueOutbox(batch, at, r.old, true)
	h.queueSegment(batch, at.collection, r.segmentID, r.segment, []string{r.language})
	return tx.SendBatch(ctx, batch).Close()
}
